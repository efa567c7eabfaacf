/**
 * Takes a request under the permit of the gateway that sent it: sealed with a key that this gateway
 * has signed, for this request, in time, and for no more than it grants.
 */
import { createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { permitOf, type Permit, type SealedPermit } from '#shared/contracts/access/permit.ts'
import type { EmbedRequest, PermittedEmbed } from '#shared/contracts/inference/embedding.ts'
import type { PermittedCount } from '#shared/contracts/inference/count.ts'
import type {
  Asked,
  Charge,
  InferenceRequest,
  PermittedRequest
} from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { keyStatement, sealOf } from '#shared/inference/permit-seal.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { CLOCK_TOLERANCE_MS } from '#shared/mesh/membership/certificate.ts'
import { isSigned } from '#shared/mesh/membership/signature.ts'
import { check } from '#shared/rpc/check.ts'
import type { ServerContext } from '#shared/rpc/router.ts'

/** Two for each gateway would do. */
const KEYS_MAX = 256

type Caller = Pick<ServerContext, 'peer' | 'requestId'>

export class PermitCheck {
  readonly #now: () => number
  /** By signature and peer: a signature is checked once, as it takes far longer than a seal. */
  readonly #keys = new BoundedMap<string, KeyObject>(KEYS_MAX)

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  inference({ permit: sealed, ...request }: PermittedRequest, caller: Caller): InferenceRequest {
    const permit = this.#open(sealed, caller)
    const { maxTokens } = request.asked
    if (maxTokens > permit.maxTokens) {
      throw refusal(`it allows ${permit.maxTokens} tokens and ${maxTokens} are asked for`)
    }
    const { priority } = permit
    const handling = priority === undefined ? request.handling : { ...request.handling, priority }
    return { ...request, handling, charge: chargeOf(permit) }
  }

  embedding({ asked, permit }: PermittedEmbed, caller: Caller): EmbedRequest {
    return { asked, charge: chargeOf(this.#open(permit, caller)) }
  }

  /** What is to be counted; nobody is charged for it. */
  counting({ asked, permit }: PermittedCount, caller: Caller): Asked {
    this.#open(permit, caller)
    return asked
  }

  #open({ permit: text, seal, key }: SealedPermit, { peer, requestId }: Caller): Permit {
    const expected = Buffer.from(sealOf(text, this.#secretOf(key, peer.key)))
    const given = Buffer.from(seal)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw refusal('its seal is broken')
    }
    const permit = check(permitOf, JSON.parse(text), 'permit')
    if (permit.requestId !== requestId) throw refusal(`it is for request ${permit.requestId}`)
    this.#assertInTime(permit.expiresAt)
    this.#assertInTime(key.expiresAt)
    return permit
  }

  #secretOf(key: SealedPermit['key'], peer: string): KeyObject {
    const name = `${peer}/${key.signature}/${key.expiresAt}/${key.secret}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const signature = Buffer.from(key.signature, 'base64')
    if (!isSigned('permits', keyStatement(key), signature, Buffer.from(peer, 'hex'))) {
      throw refusal('the gateway that shows it has not signed its key')
    }
    const secret = createSecretKey(Buffer.from(key.secret, 'base64'))
    this.#keys.set(name, secret)
    return secret
  }

  #assertInTime(expiresAt: number): void {
    const lateMs = this.#now() - expiresAt
    if (lateMs <= CLOCK_TOLERANCE_MS) return
    const seconds = Math.round(lateMs / 1000)
    throw refusal(`it ended ${seconds} s ago; compare the clocks of the two machines`)
  }
}

function chargeOf({ tenant, usageId, weight, cacheScope }: Permit): Charge {
  const charge = { tenantId: tenant, usageId, weight }
  return cacheScope === undefined ? charge : { ...charge, cacheScope }
}

const refusal = (why: string): HaifError =>
  new HaifError('FORBIDDEN', `the gateway's permit does not cover this request: ${why}`)
