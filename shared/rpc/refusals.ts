/**
 * Calls that were refused because of the caller's role: all are counted, and the log says so once a
 * minute for each method and role, however often a peer tries.
 */
import type { Logger } from '#shared/process/log.ts'
import { counter } from '#shared/telemetry/instruments.ts'
import type { NamedParties } from './parties.ts'
import type { PeerIdentity } from './peer-identity.ts'

const QUIET_MS = 60_000

export class Refusals {
  readonly #count = counter('haif_calls_refused_total')
  readonly #loggedAt = new Map<string, number>() // bounded by the contracts and the roles
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  note({ name: method }: NamedParties, { key: peer, role }: PeerIdentity, log: Logger): void {
    this.#count.add(1, { method, role })
    const kind = `${method} ${role}`
    const now = this.#now()
    if (now - (this.#loggedAt.get(kind) ?? -Infinity) < QUIET_MS) return
    this.#loggedAt.set(kind, now)
    log.warn({ method, role, peer }, 'refused a call that the role of the peer does not allow')
  }
}
