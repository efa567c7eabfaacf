/**
 * Refusals to callers that are known by a token: told in the audit, but not so often that it fills
 * it.
 */
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { assertMay, type Capability, type Principal } from '../access/principal.ts'
import type { Audit } from './audit.ts'

/** One caller's refusals of one kind are written once in this time. */
const QUIET_MS = 60_000
const REMEMBERED_MAX = 1024

/** The audit is null where there is no store to keep it in. */
interface Audited {
  readonly audit: Pick<Audit, 'write'> | null
}

export class RefusalAudit {
  readonly #access: Audited
  readonly #written = new BoundedMap<string, number>(REMEMBERED_MAX)
  readonly #now: () => number

  constructor(access: Audited, now: () => number = () => performance.now()) {
    this.#access = access
    this.#now = now
  }

  assertOperator(principal: Principal, action: string, requestId: string): Promise<void> {
    return this.assert(principal, 'operator', action, requestId)
  }

  async assert(
    principal: Principal,
    capability: Capability,
    action: string,
    requestId: string
  ): Promise<void> {
    try {
      assertMay(principal, capability)
    } catch (error) {
      if (error instanceof HaifError && error.code === 'FORBIDDEN') {
        await this.#write(principal, action, requestId)
      }
      throw error
    }
  }

  async #write({ actor, tenant }: Principal, action: string, requestId: string): Promise<void> {
    const { audit } = this.#access
    const key = `${actor} ${action}`
    if (audit === null || !this.#isNew(key)) return
    try {
      await audit.write({ chain: tenant, actor, action, target: '', result: 'refused', requestId })
    } catch (error) {
      this.#written.delete(key) // the next refusal is to be in the audit, as this one is not
      throw error
    }
  }

  #isNew(key: string): boolean {
    const now = this.#now()
    if (now - (this.#written.get(key) ?? -Infinity) < QUIET_MS) return false
    this.#written.set(key, now)
    return true
  }
}
