/**
 * Stores which peers have been in the mesh, their machines, and the models that workers held. All
 * reports since the last write go into one transaction, be they a thousand; while the database is
 * away the latest report of each peer waits.
 */
import type { PeerReport, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { Outage } from '#shared/kit/outage.ts'
import { Turns } from '#shared/kit/turns.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { isBadInput } from '#shared/store/postgres-errors.ts'
import type { Queryable, Store } from '#shared/store/store.ts'

const WRITE_MS = 2000
/** Peers whose report waits to be written; beyond it the oldest report is dropped. */
const WAITING_MAX = 8192
/** Peers and models that were not seen for this long are forgotten. */
const KEPT_DAYS = 90
const SWEEP_MS = 3_600_000

interface Seen {
  key: string
  role: PeerRole
  report: PeerReport
  /** ISO 8601. */
  at: string
}

interface PeerRecorderOptions {
  store: Store
  log: Logger
  /** Milliseconds since 1970. */
  now?: () => number
  writeMs?: number
}

export class PeerRecorder implements Service {
  readonly #options: PeerRecorderOptions
  readonly #now: () => number
  readonly #waiting = new BoundedMap<string, Seen>(WAITING_MAX) // by key
  readonly #timers: NodeJS.Timeout[] = []
  readonly #turns = new Turns()
  readonly #outage: Outage

  constructor(options: PeerRecorderOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#outage = new Outage(options.log, {
      begins: 'peers cannot be stored now',
      ends: 'peers are stored again'
    })
  }

  async start(): Promise<void> {
    const { writeMs = WRITE_MS } = this.#options
    this.#timers.push(
      setInterval(() => void this.#turns.run(() => this.#writeAll()), writeMs),
      setInterval(() => void this.#sweep(), SWEEP_MS)
    )
  }

  /** Writes what came last, unless the database is away and would only keep the stop waiting. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#turns.run(async () => {
      if (!this.#outage.isAway) await this.#writeAll()
    })
  }

  /** Empty while all is well. */
  warnings(): { warnings?: string[] } {
    const { warning } = this.#outage
    return warning === null ? {} : { warnings: [warning] }
  }

  record(key: string, role: PeerRole, report: PeerReport): void {
    this.#waiting.set(key, { key, role, report, at: new Date(this.#now()).toISOString() })
  }

  /** When each model was seen first, in milliseconds since 1970. */
  async firstSeen(): Promise<Map<string, number>> {
    const rows = await this.#options.store.query<{ name: string; first_seen: Date }>(
      'select name, min(first_seen) as first_seen from models group by name'
    )
    return new Map(rows.map(({ name, first_seen: at }) => [name, at.getTime()]))
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    const batch = [...this.#waiting.values()]
    if (batch.length === 0) return
    try {
      await this.#write(batch)
      // Whoever has reported in the meantime waits again.
      for (const seen of batch) {
        if (this.#waiting.get(seen.key) === seen) this.#waiting.delete(seen.key)
      }
      this.#outage.worked()
    } catch (error) {
      this.#outage.failed(error)
    }
  }

  /** A report that the database refuses costs its own peer a row, and keeps nobody else waiting. */
  async #write(batch: readonly Seen[]): Promise<void> {
    const { store, log } = this.#options
    try {
      await store.transaction((tx) => writePeers(tx, batch))
    } catch (error) {
      if (!isBadInput(error)) throw error
      const [only] = batch
      if (batch.length > 1) for (const one of batch) await this.#write([one])
      else log.warn({ peer: only?.key, err: error }, 'the database refuses what a peer reports')
    }
  }

  async #sweep(): Promise<void> {
    try {
      for (const table of ['model_holdings', 'models', 'peers']) {
        await this.#options.store.query(
          `delete from ${table} where last_seen < now() - interval '${KEPT_DAYS} days'`
        )
      }
    } catch {
      // The next one does it.
    }
  }
}

async function writePeers(tx: Queryable, batch: readonly Seen[]): Promise<void> {
  // In one order everywhere, or two registries would wait for each other's rows.
  const seen = batch.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const machines = new Map(seen.map((each) => [each.report.host, machineOf(each)]))
  await tx.query(MACHINES, [JSON.stringify([...machines.values()].toSorted(byHost))])
  await tx.query(PEERS, [JSON.stringify(seen.map(peerOf))])
  const held = seen.flatMap(({ key, report, at }) =>
    (report.worker?.models ?? [])
      .filter(({ digest, contextTokens }) => digest !== undefined && contextTokens !== undefined)
      .map((model) => holdingOf(model, key, at))
  )
  if (held.length === 0) return
  const models = new Map(held.map((each) => [`${each.name}\0${each.digest}`, each]))
  const sorted = [...models].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, model]) => model)
  await tx.query(MODELS, [JSON.stringify(sorted)])
  await tx.query(HOLDINGS, [JSON.stringify(held)])
}

const byHost = (a: { host: string }, b: { host: string }): number => (a.host < b.host ? -1 : 1)

function machineOf({ report: { host, hardware }, at }: Seen) {
  const { cpus = null, memoryBytes = null, platform = null } = hardware ?? {}
  return {
    host,
    at,
    cpus,
    memory_bytes: memoryBytes,
    hardware: platform === null ? {} : { platform }
  }
}

function peerOf({ key, role, report: { host, version, worker }, at }: Seen) {
  return { key, role, host, version, labels: worker?.labels ?? {}, at }
}

function holdingOf(model: WorkerModel, key: string, at: string) {
  const { name, digest, engine, quantization, parameters, contextTokens, sizeBytes } = model
  return {
    name,
    digest,
    engine,
    quantization,
    parameters,
    context_tokens: contextTokens,
    size_bytes: sizeBytes,
    peer_key: key,
    at
  }
}

const MACHINES = `insert into machines as m
    (host, cpus, memory_bytes, hardware, first_seen, last_seen)
  select host, cpus, memory_bytes, hardware, at, at from jsonb_to_recordset($1::jsonb)
    as g (host text, cpus integer, memory_bytes bigint, hardware jsonb, at timestamptz)
  on conflict (host) do update set
    cpus = coalesce(excluded.cpus, m.cpus),
    memory_bytes = coalesce(excluded.memory_bytes, m.memory_bytes),
    hardware = m.hardware || excluded.hardware, last_seen = excluded.last_seen`

const PEERS = `insert into peers as p (key, role, host, version, labels, first_seen, last_seen)
  select key, role, host, version, labels, at, at from jsonb_to_recordset($1::jsonb)
    as g (key text, role text, host text, version text, labels jsonb, at timestamptz)
  on conflict (key) do update set
    role = excluded.role, host = excluded.host, version = excluded.version,
    labels = excluded.labels, last_seen = excluded.last_seen`

const MODELS = `insert into models as m (name, digest, engine, quantization, parameters,
    context_tokens, size_bytes, first_seen, last_seen)
  select name, digest, engine, quantization, parameters, context_tokens, size_bytes, at, at
  from jsonb_to_recordset($1::jsonb) as g (name text, digest text, engine text, quantization text,
    parameters bigint, context_tokens integer, size_bytes bigint, at timestamptz)
  on conflict (name, digest) do update set
    engine = excluded.engine, context_tokens = excluded.context_tokens,
    last_seen = excluded.last_seen`

const HOLDINGS = `insert into model_holdings (name, digest, peer_key, first_seen, last_seen)
  select distinct on (name, digest, peer_key) name, digest, peer_key, at, at
  from jsonb_to_recordset($1::jsonb) as g (name text, digest text, peer_key text, at timestamptz)
  on conflict (name, digest, peer_key) do update set last_seen = excluded.last_seen`
