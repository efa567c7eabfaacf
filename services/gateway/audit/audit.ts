/** The audit: written in the transaction of the change that it tells of, read, and verified. */
import canonicalize from 'canonicalize'
import type {
  AuditEvent,
  AuditPage,
  AuditQuery,
  AuditReport
} from '#shared/contracts/access/access.ts'
import type { Queryable, Store } from '#shared/store/store.ts'
import { toHaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { within } from '#shared/kit/within.ts'
import {
  ChainCheck,
  GENESIS,
  linkHash,
  type AuditProblem,
  type Checkpoint,
  type CheckpointKey,
  type LinkedRecord
} from './audit-chain.ts'

/** Of what no tenant is concerned by: peers, models, drains. */
export const MESH_CHAIN = 'mesh'

const PAGE = 100
const VERIFY_PAGE = 1000
const PROBLEMS_MAX = 100
/** A disk that hangs is not waited for: the checkpoint is in the database. */
const EXPORT_MS_MAX = 500
const ENDS_MAX = 1000
/** First half of the lock's name; the second is the chain. */
const LOCK = 7_415_010

export interface AuditEntry {
  chain: string
  actor: string
  action: string
  target: string
  result: AuditEvent['result']
  requestId: string
  details?: Record<string, unknown>
}

/** Checkpoints kept outside the database, so that it cannot take them back. */
export interface CheckpointFile {
  put(checkpoint: Checkpoint): Promise<void>
  /** By their chains. */
  all(): Promise<ReadonlyMap<string, Checkpoint>>
}

interface AuditDeps {
  store: Store
  key: CheckpointKey
  checkpoints: CheckpointFile
  /** Called when a checkpoint is in the database only, as the disk takes none. */
  onUnexported?: (error: unknown) => void
  now: () => number
}

interface End {
  seq: number
  hash: string
}

/**
 * Under the lock of the chain like every other event, so that whoever reads its end under the lock
 * is the next. The statement may see the chain as it was before it had the lock; then the place is
 * taken, and it fails.
 */
const APPEND = `with locked as materialized (select pg_advisory_xact_lock($12::int, hashtext($1))),
  known as (select from locked
    where exists (select from audit_events where chain = $1 and seq = $2::bigint - 1 and hash = $13)
      and not exists (select from audit_events where chain = $1 and seq >= $2)
      and not exists (select from audit_checkpoints where chain = $1 and seq >= $2)),
  added as (
    insert into audit_events (chain, seq, at_ms, actor, action, target, result, request_id, details, hash)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 from known returning chain, seq, hash, at_ms)
  insert into audit_checkpoints (chain, seq, hash, at_ms, signature)
  select chain, seq, hash, at_ms, $11 from added
  on conflict (chain) do update set seq = excluded.seq, hash = excluded.hash,
    at_ms = excluded.at_ms, signature = excluded.signature
  returning seq`

export class Audit {
  readonly #deps: AuditDeps
  /** Where chains ended when this gateway wrote to them last. */
  readonly #ends = new BoundedMap<string, End>(ENDS_MAX)

  constructor(deps: AuditDeps) {
    this.#deps = deps
  }

  /** One that is written by itself: in one statement where the chain is as this gateway left it. */
  async write(entry: AuditEntry): Promise<void> {
    const signed = await this.#appendToKnown(entry)
    if (signed === null) await this.recording((_tx, note) => note(entry))
    else await within(EXPORT_MS_MAX, this.#export(signed))
  }

  /** Null: the chain has another end than the one that is known here, and nothing was written. */
  async #appendToKnown(entry: AuditEntry): Promise<Checkpoint | null> {
    const { chain } = entry
    const before = this.#ends.get(chain)
    if (before === undefined) return null
    this.#ends.delete(chain) // whatever is written meanwhile reads where the chain ends
    const { record, hash, checkpoint } = this.#following(before, entry)
    try {
      const rows = await this.#deps.store.query(APPEND, [
        ...Object.values(record),
        hash,
        checkpoint.signature,
        LOCK,
        before.hash
      ])
      if (rows.length === 0) return null
    } catch (error) {
      // Another gateway may have taken the place: then the end is read under the lock.
      if (toHaifError(error).code === 'STORE_UNAVAILABLE') throw error
      return null
    }
    this.#ends.set(chain, { seq: record.seq, hash })
    return checkpoint
  }

  /** A change and its events: both or none. What was signed is exported when they are committed. */
  async recording<Result>(
    work: (tx: Queryable, note: (entry: AuditEntry) => Promise<void>) => Promise<Result>
  ): Promise<Result> {
    const signed: Checkpoint[] = []
    const result = await this.#deps.store.transaction((tx) =>
      work(tx, async (entry) => {
        signed.push(await this.#append(tx, entry))
      })
    )
    for (const { chain, seq, hash } of signed) this.#ends.set(chain, { seq, hash })
    await within(EXPORT_MS_MAX, Promise.all(signed.map((each) => this.#export(each))))
    return result
  }

  /** The change is made: a disk that takes no copy of the checkpoint does not undo it. */
  async #export(checkpoint: Checkpoint): Promise<void> {
    const { checkpoints, onUnexported } = this.#deps
    try {
      await checkpoints.put(checkpoint)
    } catch (error) {
      onUnexported?.(error)
    }
  }

  /**
   * Holds the lock of the chain until the transaction ends, so that no two events follow the same
   * one.
   */
  async #append(tx: Queryable, entry: AuditEntry): Promise<Checkpoint> {
    const { chain } = entry
    await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [LOCK, chain])
    const [last] = await tx.query<{ seq: number; hash: string }>(
      'select seq, hash from audit_events where chain = $1 order by seq desc limit 1',
      [chain]
    )
    // The signed end, and not only the last row: what was cut off must not be written over.
    const [signedEnd] = await tx.query<{ seq: number; hash: string }>(
      'select seq, hash from audit_checkpoints where chain = $1',
      [chain]
    )
    const before =
      signedEnd !== undefined && signedEnd.seq > (last?.seq ?? 0)
        ? signedEnd
        : (last ?? { seq: 0, hash: GENESIS })
    const { record, hash, checkpoint } = this.#following(before, entry)
    await tx.query(
      `insert into audit_events (chain, seq, at_ms, actor, action, target, result, request_id, details, hash)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [...Object.values(record), hash]
    )
    const { seq, at_ms } = record
    await tx.query(
      `insert into audit_checkpoints (chain, seq, hash, at_ms, signature) values ($1, $2, $3, $4, $5)
       on conflict (chain) do update set seq = excluded.seq, hash = excluded.hash,
         at_ms = excluded.at_ms, signature = excluded.signature`,
      [chain, seq, hash, at_ms, checkpoint.signature]
    )
    return checkpoint
  }

  #following({ seq, hash: previous }: End, entry: AuditEntry) {
    const { chain, actor, action, target, result, requestId, details = {} } = entry
    const record = {
      chain,
      seq: seq + 1,
      at_ms: this.#deps.now(),
      actor,
      action,
      target,
      result,
      request_id: requestId,
      details: canonicalize(details)!
    }
    const hash = linkHash(previous, record)
    const { key } = this.#deps
    const checkpoint = key.sign({ chain, seq: record.seq, hash, at_ms: record.at_ms })
    return { record, hash, checkpoint }
  }

  async list(query: AuditQuery): Promise<AuditPage> {
    const { action, actor, result, tenant, from, to, limit = PAGE, offset = 0 } = query
    const where = `where ($1::text is null or action = $1) and ($2::text is null or actor = $2)
      and ($3::text is null or result = $3) and ($4::text is null or chain = $4)
      and ($5::bigint is null or at_ms >= $5) and ($6::bigint is null or at_ms < $6)`
    const values = [action, actor, result, tenant, from, to].map((value) => value ?? null)
    const { store } = this.#deps
    const [count] = await store.query<{ total: number }>(
      `select count(*) as total from audit_events ${where}`,
      values
    )
    const rows = await store.query<LinkedRecord>(
      `select * from audit_events ${where} order by at_ms desc, chain, seq desc limit $7 offset $8`,
      [...values, limit, offset]
    )
    return { events: rows.map((row) => eventOf(row)), total: count?.total ?? 0 }
  }

  /** Reads everything; in pages, so that it needs little memory. */
  async verify(): Promise<AuditReport> {
    const { store, checkpoints, key } = this.#deps
    const exported = await checkpoints.all()
    const signed = await store.query<Checkpoint>('select * from audit_checkpoints')
    const kept = new Map(signed.map((row) => [row.chain, row]))
    const found = await store.query<{ chain: string }>(
      'select distinct chain from audit_events order by chain'
    )
    const names = [...found.map(({ chain }) => chain), ...kept.keys(), ...exported.keys()]
    const chains = [...new Set(names)].toSorted()
    const problems: AuditProblem[] = []
    let events = 0
    for (const chain of chains) {
      const check = new ChainCheck(chain)
      events += await this.#read(chain, check)
      check.end([kept.get(chain), exported.get(chain)], key)
      problems.push(...check.problems)
    }
    return { events, chains: chains.length, problems: problems.slice(0, PROBLEMS_MAX) }
  }

  async #read(chain: string, check: ChainCheck): Promise<number> {
    let events = 0
    for (let after = 0; ;) {
      const rows = await this.#deps.store.query<LinkedRecord>(
        'select * from audit_events where chain = $1 and seq > $2 order by seq limit $3',
        [chain, after, VERIFY_PAGE]
      )
      for (const row of rows) check.event(row)
      events += rows.length
      const last = rows.at(-1)
      if (last === undefined || rows.length < VERIFY_PAGE) return events
      after = last.seq
    }
  }
}

function eventOf(row: LinkedRecord): AuditEvent {
  const { chain, seq, at_ms, actor, action, target, result, request_id, details, hash } = row
  return {
    chain,
    seq,
    at: at_ms,
    actor,
    action,
    target,
    result: result as AuditEvent['result'],
    requestId: request_id,
    details: parsed(details),
    hash
  }
}

/** Somebody may have written into it; `verify` is what tells. */
function parsed(details: string): Record<string, unknown> {
  try {
    return JSON.parse(details) as Record<string, unknown>
  } catch {
    return { unreadable: details }
  }
}
