/** From what a caller shows to what it may do, and under whose name. */
import type { Limits } from '#shared/contracts/access/access.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Access } from './access/access.ts'
import type { Admitted } from './access/admission.ts'
import { allowedModels } from './access/owned-limits.ts'
import { assertMay, chargedTenant, type Capability, type Principal } from './access/principal.ts'
import type { Charged } from './usage/usage-meter.ts'

export class Callers {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  /** Throws UNAUTHENTICATED or FORBIDDEN. */
  async assert(context: ServerContext, capability: Capability): Promise<Principal> {
    const principal = await this.#access.authenticate(context)
    assertMay(principal, capability)
    return principal
  }

  /**
   * Lets a request in, or says why not. Who has no token is told apart by address, or by the name that
   * it gives itself.
   */
  async admit(context: ServerContext, asked: Asked): Promise<AdmittedCaller> {
    const principal = await this.assert(context, 'infer')
    const tenantId =
      principal.tokenId === undefined ? asked.tenantId : chargedTenant(principal, asked.tenantId)
    const tenant = tenantId ?? asked.caller ?? context.peer.key
    const { model, promptTokens, maxTokens, isRest = false } = asked
    const admitted = await this.#access.admission.admit({
      principal,
      tenant,
      tenantLimits: this.#access.limitsOf(tenant),
      model,
      promptTokens,
      maxTokens,
      isRest
    })
    // An address is nobody's name in the books: who has no token is the local tenant.
    const charged = { tenantId: tenantId ?? principal.tenant, tokenId: principal.tokenId ?? null }
    return { ...admitted, tenantId, charged }
  }

  /** Null: all of them. */
  modelsFor(principal: Principal): string[] | null {
    const limits: Limits[] = [principal.limits, this.#access.limitsOf(principal.tenant)]
    return allowedModels(limits)
  }
}

export interface Asked {
  /** As the request says. */
  tenantId: string | undefined
  caller: string | undefined
  model: string | undefined
  promptTokens: number
  maxTokens: number
  /** Of an answer that was let in before, through another gateway. */
  isRest?: boolean
}

export interface AdmittedCaller extends Admitted {
  /** For the share of a queue; undefined for callers that are known by their address only. */
  tenantId: string | undefined
  /** Under whose name it is in the books. */
  charged: Pick<Charged, 'tenantId' | 'tokenId'>
}
