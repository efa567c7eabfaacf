/** Engines that load when the test lets them, and models that run on them. */
import type { Memory, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Backoff } from '#shared/kit/backoff.ts'
import type {
  Engine,
  EngineMetrics,
  LoadedModel,
  MemoryEstimate
} from '../../../../services/worker/engines/engine.ts'
import { HeldModel } from '../../../../services/worker/models/held-model.ts'

export interface FakeOptions {
  /** Bytes of RAM, as estimated; 0 unless given. */
  ramBytes?: number
  /** Bytes of RAM, as measured after loading; as estimated unless given. */
  measuredBytes?: number
  onDemand?: boolean
  /** Of the file. */
  sizeBytes?: number
  retry?: Backoff
  /** What its file holds; a test may write another text into it. */
  file?: { content: string }
  /** Replaces the opening of an engine. */
  open?: (engine: FakeEngine) => Promise<Engine>
}

export class FakeEngine implements Engine {
  readonly kind = 'fake'
  readonly parameters: ReadonlySet<string> = new Set()
  readonly lost: Promise<HaifError>
  isLost = false
  state: 'opened' | 'loading' | 'loaded' | 'failed' | 'closed' = 'opened'
  readonly #name: string
  readonly #options: FakeOptions
  readonly #load = Promise.withResolvers<void>()
  readonly #lost = Promise.withResolvers<HaifError>()

  constructor(name: string, options: FakeOptions) {
    this.#name = name
    this.#options = options
    this.lost = this.#lost.promise
  }

  get ramBytes(): number {
    const { ramBytes = 0, measuredBytes = ramBytes } = this.#options
    return this.state === 'loaded' ? measuredBytes : ramBytes
  }

  async digest(): Promise<string> {
    const { file } = this.#options
    return `digest of ${file?.content ?? this.#name}`
  }

  async estimate(most: Memory): Promise<MemoryEstimate | null> {
    const { ramBytes = 0 } = this.#options
    if (ramBytes > most.ramBytes) return null
    return { memory: { ramBytes, vramBytes: 0 }, sizeBytes: ramBytes }
  }

  async load(): Promise<LoadedModel> {
    this.state = 'loading'
    try {
      await this.#load.promise
    } catch (error) {
      this.state = 'failed'
      throw error
    }
    this.state = 'loaded'
    const { ramBytes } = this
    const memory = { ramBytes, vramBytes: 0 }
    const facts = { contextTokens: 8, sizeBytes: ramBytes, chatTemplate: false }
    return { name: this.#name, digest: await this.digest(), memory, ...facts }
  }

  lose(error: HaifError): void {
    this.isLost = true
    this.#lost.resolve(error)
  }

  loads(): void {
    this.#load.resolve()
  }

  fails(error: Error = new HaifError('MODEL_LOAD_FAILED', 'it is broken')): void {
    this.#load.reject(error)
  }

  // oxlint-disable-next-line require-yield
  async *generate(): ReturnType<Engine['generate']> {
    throw new Error('nobody asks it')
  }

  metrics(): EngineMetrics {
    const rates = { prefillTokensPerSecond: 2, decodeTokensPerSecond: 1 }
    return { slots: 3, running: 0, waiting: 0, ...rates }
  }

  async close(): Promise<void> {
    if (this.state === 'loading') this.fails(new HaifError('SHUTTING_DOWN', 'closed'))
    this.state = 'closed'
  }
}

/** A model on fake engines: the last one is the one that it has, or had. */
export interface FakeModel {
  held: HeldModel
  engines: FakeEngine[]
  /** Every change of state that was told. */
  changes: WorkerModel['state'][]
}

export function fakeModel(name: string, options: FakeOptions = {}): FakeModel {
  const {
    onDemand = false,
    retry,
    sizeBytes,
    open = async (engine: FakeEngine) => engine
  } = options
  const engines: FakeEngine[] = []
  const changes: WorkerModel['state'][] = []
  const source = {
    name,
    engine: 'fake',
    open: async () => {
      const engine = new FakeEngine(name, options)
      engines.push(engine)
      return open(engine)
    },
    ...(retry === undefined ? {} : { retry }),
    ...(sizeBytes === undefined ? {} : { expect: () => ({ sizeBytes }) })
  }
  const onChange = ({ state }: HeldModel) => changes.push(state.kind)
  const held = new HeldModel({ source, onDemand, onChange })
  return { held, engines, changes }
}
