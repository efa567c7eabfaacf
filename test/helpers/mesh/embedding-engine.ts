/** A simulated engine that also makes vectors: one that says how long the text was. */
import type {
  EmbedInput,
  Embeddings,
  EngineMetrics
} from '../../../services/worker/engines/engine.ts'
import { SimEngine, type SimOptions } from '../../../services/worker/engines/sim/sim-engine.ts'
import type { ModelSource } from '../../../services/worker/models/sources/model-source.ts'

interface EmbeddingOptions extends Partial<SimOptions> {
  vectorSize?: number
  /** Says that all of its slots are taken. */
  busy?: boolean
  /** Called before each answer; what it throws is the answer. */
  onEmbed?: (signal: AbortSignal) => void | Promise<void>
}

class EmbeddingEngine extends SimEngine {
  readonly #options: EmbeddingOptions

  constructor(options: EmbeddingOptions) {
    super(options)
    this.#options = options
  }

  async embed(inputs: readonly EmbedInput[], signal: AbortSignal): Promise<Embeddings> {
    await this.#options.onEmbed?.(signal)
    const { vectorSize = 4 } = this.#options
    const vectors = inputs.map(({ length }) => new Float32Array(vectorSize).fill(length))
    return { vectors, promptTokens: inputs.length }
  }

  override metrics(): EngineMetrics {
    const metrics = super.metrics()
    return this.#options.busy === true ? { ...metrics, running: metrics.slots } : metrics
  }
}

export function embeddingSource(options: EmbeddingOptions = {}): ModelSource {
  const { name = 'sim' } = options
  return { name, engine: 'sim', open: async () => new EmbeddingEngine(options) }
}
