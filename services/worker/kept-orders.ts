/**
 * What operators have told this worker, over its restarts: a file of HAIF_HOME, one for each key.
 * What its owner gives at a start is not in it; both together are what the worker begins with.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { Type, type Static } from 'typebox'
import { LabelChanges } from '#shared/contracts/http/admin/workers.ts'
import { ModelName } from '#shared/contracts/inference/model-name.ts'
import type { Order } from '#shared/contracts/peers/order.ts'
import { MODELS_PER_WORKER_MAX } from '#shared/contracts/peers/peers.ts'
import { PlainText } from '#shared/contracts/plain-text.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import { Compile } from '#shared/validator.ts'

/** `held`: loaded when a request comes. */
const KeptModel = Type.Object({
  name: ModelName,
  uri: Type.Optional(PlainText(512, 1)),
  /** The file that was ordered, where other workers may give it. */
  digest: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  is: Type.Enum(['pinned', 'loaded', 'held'])
})
export type KeptModel = Static<typeof KeptModel>

const Kept = Type.Object({
  paused: Type.Boolean(),
  labels: LabelChanges,
  models: Type.Array(KeptModel, { maxItems: MODELS_PER_WORKER_MAX }),
  /** What the machine took when it joined without being told a model, as `--model` writes it. */
  chosen: Type.Optional(Type.String({ maxLength: 1024 }))
})
type Kept = Static<typeof Kept>
const keptOf = Compile(Kept)

const NOTHING: Kept = { paused: false, labels: {}, models: [] }

export class KeptOrders {
  readonly #file: string | null
  readonly #log: Pick<Logger, 'warn'>
  #kept: Kept

  /** Null: nothing lasts. */
  constructor(file: string | null, log: Pick<Logger, 'warn'>) {
    this.#file = file
    this.#log = log
    this.#kept = file === null ? NOTHING : this.#read(file)
  }

  get paused(): boolean {
    return this.#kept.paused
  }

  get labels(): LabelChanges {
    return this.#kept.labels
  }

  get models(): readonly KeptModel[] {
    return this.#kept.models
  }

  get chosen(): string | undefined {
    return this.#kept.chosen
  }

  choose(argument: string): void {
    this.#write({ ...this.#kept, chosen: argument })
  }

  /** An order that was obeyed. `uri`: where a model comes from, where that is known. */
  obeyed({ act, labels = {}, model }: Pick<Order, 'act' | 'labels' | 'model'>, uri?: string): void {
    const kept = this.#kept
    if (act === 'worker.pause' || act === 'worker.resume') {
      this.#write({ ...kept, paused: act === 'worker.pause' })
    } else if (act === 'worker.label') {
      this.#write({ ...kept, labels: { ...kept.labels, ...labels } })
    } else if (act === 'worker.model' && model !== undefined) {
      const others = kept.models.filter(({ name }) => name !== model.name)
      const own = keptModel(model, uri)
      this.#write({ ...kept, models: own === null ? others : [...others, own] })
    }
  }

  #read(file: string): Kept {
    try {
      const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
      if (keptOf.Check(read)) return read
      this.#log.warn({ file }, 'what operators told this worker cannot be read, and is forgotten')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        const reason = reasonOf(error)
        this.#log.warn({ file, reason }, 'what operators told this worker cannot be read')
      }
    }
    return NOTHING
  }

  /** Whole or not at all. A full disk is no reason not to obey. */
  #write(kept: Kept): void {
    this.#kept = kept
    if (this.#file === null) return
    const temporary = `${this.#file}.${process.pid}`
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
      writeFileSync(temporary, JSON.stringify(kept), { mode: 0o600 })
      renameSync(temporary, this.#file)
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'an order will not last over a restart')
    }
  }
}

function keptModel(
  { action, name, uri: ordered, digest }: NonNullable<Order['model']>,
  known: string | undefined
): KeptModel | null {
  if (action === 'delete') return null
  const uri = ordered ?? known
  const is = action === 'pin' ? 'pinned' : action === 'load' ? 'loaded' : 'held'
  const from = uri === undefined ? {} : { uri }
  return { name, is, ...from, ...(digest === undefined ? {} : { digest }) }
}
