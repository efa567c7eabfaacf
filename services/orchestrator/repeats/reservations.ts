/**
 * Reserves a request with an Idempotency-Key in the database before it is dispatched. So a repeat
 * never runs beside the first request, also when it comes to another orchestrator, or to this one
 * after a restart. See SPEC.md.
 *
 * The orchestrator that runs the request owns its reservation by a lease, and renews it. When the
 * owner dies the lease runs out, and the next one takes over. The continuation of an answer takes
 * over at once: its gateway has lost the owner. An owner that is not dead notices at its next
 * renewal that it was replaced, and ends its run.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import { ANSWER_KEPT_MS } from './shared-answer.ts'

const LEASE_MS = 6000
const RENEW_MS = 2000
/** While another orchestrator runs the request, a repeat asks this often whether that has ended. */
const POLL_MS = 250
const SWEEP_MS = 60_000
/** A database that takes longer is as good as none. */
const STORE_MS_MAX = 2000

export interface IdempotencyKey {
  /** Part of the key, so that nobody reads another tenant's answer. */
  tenant: string
  idempotencyKey: string
}

export interface Reservation {
  /** Another orchestrator has taken over: nothing more may be passed on. */
  readonly isFenced: boolean
  answered(): void
  /** The request may be tried again at once. */
  failed(): void
}

interface ReservationsOptions {
  store: Store
  /** Key of this orchestrator. */
  owner: string
  log: Logger
}

interface Held extends IdempotencyKey {
  run: number
  isFenced: boolean
}

export interface ReservationRequest extends IdempotencyKey {
  fingerprint: string
  /** The gateway has lost the orchestrator that ran it. */
  isContinued: boolean
}

export class Reservations implements Service {
  readonly #options: ReservationsOptions
  readonly #held = new Set<Held>() // as many as answers run
  readonly #timers: NodeJS.Timeout[] = []
  readonly #outage: Outage

  constructor(options: ReservationsOptions) {
    this.#options = options
    this.#outage = new Outage(options.log, {
      begins: 'reservations cannot be stored: repeats are known only to this process',
      ends: 'reservations are stored again'
    })
  }

  /** Empty while all is well. */
  warnings(): string[] {
    const { warning } = this.#outage
    return warning === null ? [] : [warning]
  }

  async start(): Promise<void> {
    this.#timers.push(
      setInterval(() => void this.#tick(), RENEW_MS),
      setInterval(() => void this.#quietly(() => this.#sweep()), SWEEP_MS)
    )
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /**
   * Waits while another orchestrator runs the same request. Null while the database is away: then
   * only repeats that come to this orchestrator are recognised.
   */
  async take(ask: ReservationRequest, context: RequestContext): Promise<Reservation | null> {
    for (;;) {
      const run = await this.#quietly(() => this.#try(ask, context.requestId))
      if (run === undefined) return null
      if (run !== null) return this.#hold(ask, run)
      await sleep(POLL_MS, undefined, { signal: context.signal })
    }
  }

  #hold({ tenant, idempotencyKey }: ReservationRequest, run: number): Reservation {
    const held: Held = { tenant, idempotencyKey, run, isFenced: false }
    this.#held.add(held)
    const end = (sql: string) => {
      if (!this.#held.delete(held) || held.isFenced) return
      void this.#quietly(() => this.#options.store.query(sql, [tenant, idempotencyKey, run]))
    }
    return {
      get isFenced() {
        return held.isFenced
      },
      answered: () => end(ANSWERED),
      failed: () => end(FAILED)
    }
  }

  /** The number of the run; null while another orchestrator runs the request. */
  async #try(ask: ReservationRequest, requestId: string): Promise<number | null> {
    const { store, owner } = this.#options
    const { tenant, idempotencyKey, fingerprint, isContinued } = ask
    const key = [tenant, idempotencyKey]
    const values = [...key, fingerprint, requestId, owner, isContinued]
    const [taken] = await store.query<{ run: number }>(TAKE, values)
    if (taken !== undefined) return taken.run
    const [other] = await store.query<{ fingerprint: string }>(
      'select fingerprint from reservations where tenant_id = $1 and idempotency_key = $2',
      key
    )
    if (other === undefined || other.fingerprint === fingerprint) return null
    throw new HaifError('CONFLICT', 'this Idempotency-Key was used with another request')
  }

  /** Without anything to renew it would say nothing of the database. */
  async #tick(): Promise<void> {
    if (this.#held.size > 0) await this.#quietly(() => this.#renew())
    else if (this.#outage.isAway) await this.#quietly(() => this.#sweep())
  }

  async #renew(): Promise<void> {
    const held = [...this.#held]
    const rows = await this.#options.store.query<{ at: number }>(RENEW, [
      held.map(({ tenant }) => tenant),
      held.map(({ idempotencyKey }) => idempotencyKey),
      held.map(({ run }) => run)
    ])
    const mine = new Set(rows.map(({ at }) => at))
    for (const [i, each] of held.entries()) if (!mine.has(i + 1)) each.isFenced = true
  }

  async #sweep(): Promise<void> {
    await this.#options.store.query('delete from reservations where expires_at < now()')
  }

  /** Undefined while the database is away. */
  async #quietly<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      const late = sleep(STORE_MS_MAX, null, { ref: false }).then(() => {
        throw new HaifError('STORE_UNAVAILABLE', 'the database does not answer in time')
      })
      const result = await Promise.race([work(), late])
      this.#outage.worked()
      return result
    } catch (error) {
      if (error instanceof HaifError && error.code === 'CONFLICT') throw error
      this.#outage.failed(error)
      return undefined
    }
  }
}

/**
 * A key is free when it has no row, when its answer or its lease is over, or when its owner asks
 * again: then the owner was restarted, as otherwise it would know its own run. $6: the request is
 * continued.
 */
const TAKE = `insert into reservations as r
    (tenant_id, idempotency_key, fingerprint, request_id, owner, state, leased_until, expires_at)
  values ($1, $2, $3, $4, $5, 'running',
    now() + interval '${LEASE_MS} ms', now() + interval '${ANSWER_KEPT_MS} ms')
  on conflict (tenant_id, idempotency_key) do update set
    fingerprint = excluded.fingerprint, request_id = excluded.request_id, owner = excluded.owner,
    run = r.run + 1, state = 'running', created_at = now(),
    leased_until = excluded.leased_until, expires_at = excluded.expires_at
  where r.expires_at < now() or (r.fingerprint = excluded.fingerprint and
    (r.state = 'answered' or r.leased_until < now() or r.owner = excluded.owner or $6))
  returning run`

const RENEW = `update reservations as r set
    leased_until = now() + interval '${LEASE_MS} ms',
    expires_at = now() + interval '${ANSWER_KEPT_MS} ms'
  from unnest($1::text[], $2::text[], $3::int[]) with ordinality as h (tenant, key, run, at)
  where r.tenant_id = h.tenant and r.idempotency_key = h.key and r.run = h.run
    and r.state = 'running'
  returning h.at`

const ANSWERED = `update reservations set state = 'answered',
    expires_at = now() + interval '${ANSWER_KEPT_MS} ms'
  where tenant_id = $1 and idempotency_key = $2 and run = $3`

const FAILED = `delete from reservations
  where tenant_id = $1 and idempotency_key = $2 and run = $3`
