/**
 * The bytes of the requests that wait, over all models. A line is bounded by a number of requests,
 * which says nothing of memory: one may carry a word, or four megabytes.
 */
import assert from 'node:assert/strict'
import { inputTexts, type InferenceRequest } from '#shared/contracts/inference/request.ts'

const BYTES_MAX = 256 * 1024 * 1024
/** No tenant takes more than a quarter, so that the others can wait too. */
const TENANT_BYTES_MAX = BYTES_MAX / 4
/** What a request costs however short it is. */
const REQUEST_BYTES = 4096
const TOKEN_ID_BYTES = 8

export class WaitingBytes {
  readonly #ofTenants = new Map<string, number>() // of those that wait
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** False where there is no room for it. */
  enter(tenant: string, bytes: number): boolean {
    const own = (this.#ofTenants.get(tenant) ?? 0) + bytes
    if (own > TENANT_BYTES_MAX || this.#bytes + bytes > BYTES_MAX) return false
    this.#ofTenants.set(tenant, own)
    this.#bytes += bytes
    return true
  }

  /** A request that has entered leaves, with the same number of bytes. */
  leave(tenant: string, bytes: number): void {
    const own = (this.#ofTenants.get(tenant) ?? 0) - bytes
    assert(own >= 0, 'R9: more bytes have left a queue than came')
    if (own === 0) this.#ofTenants.delete(tenant)
    else this.#ofTenants.set(tenant, own)
    this.#bytes -= bytes
  }
}

/** About what a request takes in memory. */
export function bytesOf({ asked, sent }: InferenceRequest): number {
  const { input, tools, responseFormat, templateVariables } = asked
  let bytes = REQUEST_BYTES
  if (input.mode === 'tokens') bytes += input.tokenIds.length * TOKEN_ID_BYTES
  else for (const text of inputTexts(input)) bytes += text.length
  for (const more of [tools, responseFormat, templateVariables]) {
    if (more !== undefined) bytes += JSON.stringify(more).length
  }
  if (sent === undefined) return bytes
  const { tokenIds, text, reasoning = '', toolCalls = [] } = sent
  bytes += tokenIds.length * TOKEN_ID_BYTES + text.length + reasoning.length
  for (const call of toolCalls) bytes += call.arguments.length
  return bytes
}
