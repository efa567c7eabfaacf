/** Refuses by its name each parameter that an engine cannot honour; none is ignored in silence. */
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { Engine } from '../engines/engine.ts'
import { unsupported } from '../engines/errors.ts'
import { canEmbed, type Embedder } from '../models/capabilities.ts'

/** True for a request with tools to call, and for one whose messages are about calls. */
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

/** The engine, when it can turn texts into vectors. */
export function embedderOf(engine: Engine, model: string): Embedder {
  if (canEmbed(engine)) return engine
  throw unsupported(
    'model',
    `the ${engine.kind} engine makes no embeddings of ${model}: choose another model`
  )
}
