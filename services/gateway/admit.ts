/** May this run? From what a caller shows to what it may do, under whose name, and for how much. */
import { hash, randomUUID } from 'node:crypto'
import type { Limits } from '#shared/contracts/access/access.ts'
import type { Behalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { Charge } from '#shared/contracts/inference/request.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Access } from './access/access.ts'
import type { Admission, Admitted } from './access/admission.ts'
import { allowedModels } from './access/owned-limits.ts'
import {
  assertMay,
  chargedTenant,
  LOCAL_TENANT,
  type Capability,
  type Principal
} from './access/principal.ts'
import type { TicketOwner } from './access/tickets.ts'
import { AdmittedRequest } from './admitted-request.ts'
import type { Granted } from './permits.ts'
import { TenantMetrics } from './usage/tenant-metrics.ts'
import { UsageMeter } from './usage/usage-meter.ts'
import type { SettledRow, UsageRecorder, UsageRow } from './usage/usage-row.ts'

interface CallersDeps {
  access: Pick<
    Access,
    'authenticate' | 'onBehalf' | 'limitsOf' | 'keepsPrompts' | 'cacheScopeOf' | 'tickets'
  > & {
    admission: Pick<Admission, 'admit'>
  }
  /** Null: what requests cost is not recorded. */
  usage: UsageRecorder | null
}

/** A request for work of a model, as far as it matters to who may ask for how much. */
interface Wish {
  kind: UsageRow['kind']
  /** Everything that its answer depends on. */
  asked: object
  /** As the request says. */
  charge: Charge
  model: string | undefined
  /** What its model reads; called where the tenant has that kept. */
  prompt?: () => string
  /** Estimated. */
  promptTokens: number
  maxTokens: number
  /** It asks for the rest of an answer that was let in before, as its ticket shows. */
  isRest?: boolean
}

type AskedTokens = Pick<Wish, 'model' | 'promptTokens' | 'maxTokens'> & { isRest: boolean }

export class Callers {
  readonly #deps: CallersDeps
  readonly #tenants = new TenantMetrics()

  constructor(deps: CallersDeps) {
    this.#deps = deps
    deps.usage?.onSettled?.((row) => this.#settled(row))
  }

  /** Answers only: what was broken off has counted no tokens in the metrics. */
  #settled(row: SettledRow): void {
    if (row.finish_reason === null || row.kind !== 'infer') return
    const isUnnamed = row.token_id === null && row.tenant_id === LOCAL_TENANT
    this.#tenants.giveBack(isUnnamed ? undefined : row.tenant_id, {
      prompt: row.prompt_tokens,
      cached: row.cached_prompt_tokens,
      completion: row.completion_tokens
    })
  }

  /** Throws UNAUTHENTICATED or FORBIDDEN. */
  async assert(context: ServerContext, capability: Capability): Promise<Principal> {
    const principal = await this.#deps.access.authenticate(context)
    assertMay(principal, capability)
    return principal
  }

  /**
   * Lets a request in, or throws why not. A caller without a token is known by the tenant that it
   * names, else by its address.
   */
  async admit(context: ServerContext, wish: Wish): Promise<AdmittedRequest> {
    return this.#admit(await this.assert(context, 'infer'), context, wish)
  }

  /** The same for what costs a request and no tokens, and stands in no books. */
  async admitUnbooked(
    context: ServerContext,
    { model, charge }: Pick<Wish, 'model' | 'charge'>
  ): Promise<Disposable & { permit: Granted; model: string | undefined }> {
    const principal = await this.assert(context, 'infer')
    const asked = { model, promptTokens: 0, maxTokens: 0, isRest: false }
    const { admitted, tenant } = await this.#enter(principal, context, { charge, asked })
    const charged = { usageId: randomUUID(), tenant, cacheScope: undefined, kind: 'embed' } as const
    return {
      permit: permitFor(admitted, charged),
      model: admitted.model,
      [Symbol.dispose]: () => admitted.leave(0)
    }
  }

  /** Callers as whom a jobs service asks: those that its job came from. */
  onBehalf({ tokenId }: Behalf): Pick<Callers, 'admit'> {
    return {
      admit: async (context, wish) => {
        const principal = await this.#deps.access.onBehalf(tokenId)
        assertMay(principal, 'jobs')
        return this.#admit(principal, context, wish)
      }
    }
  }

  async #admit(principal: Principal, context: ServerContext, wish: Wish): Promise<AdmittedRequest> {
    const { access, usage } = this.#deps
    const { kind, model, promptTokens, maxTokens, charge } = wish
    const owner = {
      tenant: this.#named(principal, context, charge).tenant,
      tokenId: principal.tokenId
    }
    const continues = this.#continues(wish, owner)
    const isRest = continues !== null
    const asked = { model, promptTokens, maxTokens, isRest }
    const { admitted, tenantId, tenant } = await this.#enter(principal, context, { charge, asked })
    const rowId = randomUUID()
    const booked = {
      usageId: rowId,
      continues,
      answerId: answerOf(wish, owner),
      way: charge.way ?? 0,
      requestId: context.requestId,
      // An address is nobody's name in the books: a caller without a token is the local tenant.
      tenantId: tenantId ?? principal.tenant,
      tokenId: principal.tokenId ?? null
    }
    const meter =
      usage === null
        ? null
        : new UsageMeter(usage, booked, {
            kind,
            model: admitted.model,
            prompt: access.keepsPrompts(booked.tenantId) ? wish.prompt?.() : undefined
          })
    const tenants = kind === 'infer' ? this.#tenants : null
    const cacheScope =
      principal.tokenId === undefined ? undefined : access.cacheScopeOf(booked.tenantId)
    const { usageId = rowId } = charge
    const permit = permitFor(admitted, { usageId, tenant, cacheScope, kind })
    const ticket = () => access.tickets.issue(rowId, owner, context.remainingMs())
    return new AdmittedRequest({ admitted, meter, tenants, tenantId, permit, ticket, promptTokens })
  }

  /** Whose limits count, and the tenant where there is one by name. */
  #named(
    principal: Principal,
    context: ServerContext,
    charge: Charge
  ): { tenantId: string | undefined; tenant: string } {
    const tenantId =
      principal.tokenId === undefined ? charge.tenantId : chargedTenant(principal, charge.tenantId)
    return { tenantId, tenant: tenantId ?? charge.caller ?? context.peer.key }
  }

  async #enter(
    principal: Principal,
    context: ServerContext,
    { charge, asked }: { charge: Charge; asked: AskedTokens }
  ): Promise<{ admitted: Admitted; tenantId: string | undefined; tenant: string }> {
    const { access } = this.#deps
    const { tenantId, tenant } = this.#named(principal, context, charge)
    const isNamed = principal.tokenId === undefined && charge.tenantId !== undefined
    const address = isNamed ? charge.caller : undefined
    const tenantLimits = access.limitsOf(tenant)
    const limited = { principal, tenant, tenantLimits, address, ...asked }
    return { admitted: await access.admission.admit(limited), tenantId, tenant }
  }

  /** The row of the books that it goes on from; null: it begins. */
  #continues({ isRest = false, charge: { ticket } }: Wish, owner: TicketOwner): string | null {
    return !isRest || ticket === undefined ? null : this.#deps.access.tickets.redeem(ticket, owner)
  }

  /** Null: all of them. */
  modelsFor(principal: Principal): string[] | null {
    const limits: Limits[] = [principal.limits, this.#deps.access.limitsOf(principal.tenant)]
    return allowedModels(limits)
  }
}

/**
 * Names the answer in the books, where the ways to it count once. It covers whose request it is and
 * what was asked, so that a caller that uses an id twice gets no other answer for nothing.
 */
function answerOf({ charge: { usageId }, asked }: Wish, owner: TicketOwner): string | null {
  if (usageId === undefined) return null
  const { tenant, tokenId = null } = owner
  return hash('sha256', JSON.stringify([usageId, tenant, tokenId, asked]), 'base64url')
}

interface Charged {
  kind: UsageRow['kind']
  usageId: string
  tenant: string
  cacheScope: string | undefined
}

/** Nobody names another tenant, a larger share or more tokens than the gateway has granted. */
function permitFor(
  { weight = 1, priority, maxTokens }: Admitted,
  { kind, cacheScope, ...charged }: Charged
): Granted {
  const granted: Granted = { ...charged, weight, maxTokens: kind === 'embed' ? 0 : maxTokens }
  if (cacheScope !== undefined) granted.cacheScope = cacheScope
  if (priority !== undefined) granted.priority = priority
  return granted
}
