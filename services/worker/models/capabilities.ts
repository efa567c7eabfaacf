/** What a model can do on the engine that runs it. */
import type { ModelCapabilities } from '#shared/contracts/peers/peers.ts'
import type { Engine, LoadedModel } from '../engines/engine.ts'

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
