/** Refuses by its name each parameter that an engine cannot honour; none is ignored in silence. */
import type { Asked } from '#shared/contracts/inference/request.ts'
import type { Engine } from '../engines/engine.ts'
import { unsupported } from '../engines/errors.ts'
import { canEmbed, type Embedder } from '../models/capabilities.ts'

/** Calls and results of earlier turns need no engine that can call: they are text at worst. */
const usesTools = ({ tools = [], toolChoice }: Asked): boolean =>
  tools.length > 0 && toolChoice !== 'none'

/** Engines that read text go by the words in earlier turns, and in the newest there are none. */
function refuseMedia(engine: Engine, { input }: Asked): void {
  if (input.mode !== 'chat' || engine.parameters.has('media')) return
  const shown = input.messages.flatMap(({ media = [] }) => media)
  const needed = shown.find(({ wordLength }) => wordLength === 0)
  if (needed === undefined) return
  const { param, media } = needed
  throw unsupported(
    param,
    `${param} is of type "${media.kind}", and the models here read text only: ` +
      'leave it out, or say in words what is on it'
  )
}

export function refuseUnsupported(engine: Engine, asked: Asked): void {
  refuseMedia(engine, asked)
  const used = Object.keys(asked.sampling)
  if (asked.stop !== undefined) used.push('stop')
  if (asked.responseFormat !== undefined) used.push('responseFormat')
  // An engine may know the logprobs of prompts alone, with those of what it writes after them.
  if (asked.promptLogprobs === true) used.push('promptLogprobs')
  else {
    if (asked.logprobs === true) used.push('logprobs')
    if ((asked.topLogprobs ?? 0) > 0) used.push('topLogprobs')
  }
  if (usesTools(asked)) used.push('tools')
  if (asked.input.mode === 'tokens') used.push('tokens')
  const param = used.find((parameter) => !engine.parameters.has(parameter))
  if (param === undefined) return
  throw unsupported(param, `the ${engine.kind} engine cannot do ${param}: leave it out`)
}

type Counter = Engine & Required<Pick<Engine, 'count'>>

/** The engine, when it knows the tokens of a prompt before it reads them. */
export function counterOf(engine: Engine, model: string): Counter {
  if (engine.count !== undefined) return engine as Counter
  throw unsupported('model', `the ${engine.kind} engine counts no prompts of ${model}`)
}

/** The engine, when it can turn texts into vectors. */
export function embedderOf(engine: Engine, model: string): Embedder {
  if (canEmbed(engine)) return engine
  throw unsupported(
    'model',
    `the ${engine.kind} engine makes no embeddings of ${model}: choose another model`
  )
}
