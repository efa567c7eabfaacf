/**
 * Writes the permits under which orchestrators take requests from this gateway.
 *
 * A signature for each request would cost a quarter of what the whole path does. So the gateway
 * signs a key every few minutes and seals each permit with that; the orchestrator checks the
 * signature once and the seal every time. A seal is good only on the link of the gateway that has
 * signed its key, so nobody else who has seen the key could use it.
 */
import { randomBytes } from 'node:crypto'
import type { Permit, SealedPermit } from '#shared/contracts/access/permit.ts'
import { keyStatement, sealOf } from '#shared/inference/permit-seal.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

const KEY_BYTES = 32
const KEY_LIFE_MS = 10 * 60_000

/** What was granted, without what the context of the request says. */
export type Granted = Omit<Permit, 'requestId' | 'expiresAt'>

export class Permits {
  readonly #mesh: Pick<Mesh, 'sign'>
  readonly #now: () => number
  #key: SealedPermit['key'] | null = null
  #secret = Buffer.alloc(0)

  /** `now`: milliseconds since 1970. */
  constructor(mesh: Pick<Mesh, 'sign'>, now: () => number = Date.now) {
    this.#mesh = mesh
    this.#now = now
  }

  /** Good for as long as the request has time. */
  write(granted: Granted, { requestId, remainingMs }: RequestContext): SealedPermit {
    const now = this.#now()
    const permit: Permit = { ...granted, requestId, expiresAt: now + remainingMs() }
    const text = JSON.stringify(permit)
    const key = this.#keyAt(now)
    return { permit: text, seal: sealOf(text, this.#secret), key }
  }

  #keyAt(now: number): SealedPermit['key'] {
    if (this.#key !== null && now < this.#key.expiresAt - KEY_LIFE_MS / 2) return this.#key
    this.#secret = randomBytes(KEY_BYTES)
    const key = { secret: this.#secret.toString('base64'), expiresAt: now + KEY_LIFE_MS }
    const signature = this.#mesh.sign('permits', keyStatement(key)).toString('base64')
    this.#key = { ...key, signature }
    return this.#key
  }
}
