/** What may be asked of an engine: what it cannot do is refused by name, never left out in silence. */
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { ModelCapabilities } from '#shared/contracts/peers/peers.ts'
import type { Engine, LoadedModel } from '../engines/engine.ts'
import { unsupported } from '../engines/errors.ts'

export type Embedder = Engine & Required<Pick<Engine, 'embed'>>

export const canEmbed = (engine: Engine): engine is Embedder => engine.embed !== undefined

export function capabilitiesOf(
  engine: Engine,
  { reasoning, tools }: LoadedModel
): ModelCapabilities {
  return {
    tools: tools ?? engine.parameters.has('tools'),
    jsonSchema: engine.parameters.has('responseFormat'),
    embeddings: canEmbed(engine),
    reasoning: reasoning ?? engine.parameters.has('reasoningEffort'),
    vision: false // no engine takes images
  }
}

/** With tools, or with messages about calls of them. */
function usesTools({ tools = [], toolChoice, input }: InferenceRequest): boolean {
  if (tools.length > 0 && toolChoice !== 'none') return true
  if (input.mode !== 'chat') return false
  return input.messages.some(({ role, toolCalls = [] }) => role === 'tool' || toolCalls.length > 0)
}

export function refuseUnsupported(engine: Engine, request: InferenceRequest): void {
  const asked = Object.keys(request.sampling)
  if (request.stop !== undefined) asked.push('stop')
  if (request.responseFormat !== undefined) asked.push('responseFormat')
  if (request.logprobs === true) asked.push('logprobs')
  if ((request.topLogprobs ?? 0) > 0) asked.push('topLogprobs')
  if (usesTools(request)) asked.push('tools')
  if (request.reasoningEffort !== undefined) asked.push('reasoningEffort')
  if (request.input.mode === 'tokens') asked.push('tokens')
  const param = asked.find((parameter) => !engine.parameters.has(parameter))
  if (param === undefined) return
  throw unsupported(param, `the ${engine.kind} engine cannot do ${param}: leave it out`)
}
