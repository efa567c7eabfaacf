/**
 * A request that was let in, until it is over. Whatever becomes of it, leaving its scope gives back
 * what it holds of limits and budgets, and then writes what it has cost into the books.
 *
 *   await using admitted = await callers.admit(context, wish)
 */
import type { EmbedReply } from '#shared/contracts/inference/embedding.ts'
import type { AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { toHaifError } from '#shared/errors.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { Admitted } from './access/admission.ts'
import type { Granted } from './permits.ts'
import type { TenantMetrics } from './usage/tenant-metrics.ts'
import type { UsageMeter } from './usage/usage-meter.ts'

interface AdmittedRequestDeps {
  admitted: Admitted
  /** Null: what requests cost is not recorded. */
  meter: UsageMeter | null
  /** Null: the metrics of tenants are of inferences only. */
  tenants: TenantMetrics | null
  /** Undefined for callers that are known by their address only. */
  tenantId: string | undefined
  permit: Granted
  /** Makes the ticket with which another gateway may go on. */
  ticket: () => string
  /** Estimated. */
  promptTokens: number
}

export class AdmittedRequest implements AsyncDisposable {
  /** Goes on with the request, signed. */
  readonly permit: Granted
  readonly ticket: () => string
  readonly #tenantId: string | undefined
  readonly #admitted: Admitted
  readonly #meter: UsageMeter | null
  readonly #tenants: TenantMetrics | null
  readonly #promptTokens: number
  /** Tokens used, once its end has told. */
  #used: number | null = null
  /**
   * Tokens that were passed on, which count where no end has told. Counted only then, because it
   * takes every item apart.
   */
  #sent: () => number = () => 0
  #end: InferenceEnd | null = null
  #code = 'CANCELLED' // when the reader leaves, nothing else says so

  constructor(deps: AdmittedRequestDeps) {
    this.#admitted = deps.admitted
    this.#meter = deps.meter
    this.#tenants = deps.tenants
    this.#tenantId = deps.tenantId
    this.permit = deps.permit
    this.ticket = deps.ticket
    this.#promptTokens = deps.promptTokens
  }

  /** What was granted of what was asked for. */
  get granted(): Pick<Admitted, 'model' | 'maxTokens' | 'priority' | 'limits'> {
    return this.#admitted
  }

  passed(batch: ItemBatch<InferenceItem>): void {
    this.#meter?.passed(batch)
  }

  /** What was given before and is read again costs nothing. */
  ended(end: InferenceEnd): void {
    const { usage, repeated } = end
    this.#end = end
    this.#code = 'OK'
    this.#used = repeated === true ? 0 : usage.promptTokens + usage.completionTokens
    this.#meter?.ended(end)
  }

  embedded(reply: EmbedReply): void {
    this.#used = reply.promptTokens
    this.#meter?.embedded(reply)
  }

  /** `tries`: the attempts that its orchestrator has told of. */
  failed(error: unknown, tries: AttemptTold[] = []): void {
    this.#code = toHaifError(error).code
    this.#meter?.failed(error, tries)
  }

  /** Says how to count what was passed on of an answer that has not come to its end. */
  countsSent(tokens: () => number): void {
    this.#sent = tokens
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sent = this.#used === null ? this.#sent() : 0
    const brokenOff = sent === 0 ? 0 : this.#promptTokens + sent
    const charged = this.#used ?? brokenOff
    // First, as nothing that fails in the books may keep the place of a caller.
    this.#admitted.leave(charged)
    this.#tenants?.count(this.#tenantId, this.#code, this.#end)
    await this.#meter?.record(sent, charged)
  }
}
