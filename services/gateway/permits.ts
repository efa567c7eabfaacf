/**
 * Writes the permits under which orchestrators take requests from this gateway.
 *
 * A signature for each request would cost a quarter of what the whole path does. So the gateway
 * signs a key every few minutes and seals each permit with that; the orchestrator checks the
 * signature once and the seal every time. A seal is good only on the link of the gateway that has
 * signed its key, so nobody else who has seen the key could use it.
 */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
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
  #current: { key: SealedPermit['key']; secret: KeyObject } | null = null

  /** `now`: milliseconds since 1970. */
  constructor(mesh: Pick<Mesh, 'sign'>, now: () => number = Date.now) {
    this.#mesh = mesh
    this.#now = now
  }

  /** Good for as long as the request has time. */
  write(granted: Granted, context: RequestContext): SealedPermit {
    const now = this.#now()
    const expiresAt = now + context.remainingMs()
    const permit: Permit = { ...granted, requestId: context.requestId, expiresAt }
    const text = JSON.stringify(permit)
    const { key, secret } = this.#keyAt(now)
    return { permit: text, seal: sealOf(text, secret), key }
  }

  #keyAt(now: number) {
    const current = this.#current
    if (current !== null && now < current.key.expiresAt - KEY_LIFE_MS / 2) return current
    const secret = randomBytes(KEY_BYTES)
    const key = { secret: secret.toString('base64'), expiresAt: now + KEY_LIFE_MS }
    const signature = this.#mesh.sign('permits', keyStatement(key)).toString('base64')
    this.#current = { key: { ...key, signature }, secret: createSecretKey(secret) }
    return this.#current
  }
}
