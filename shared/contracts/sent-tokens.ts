/**
 * What of an answer has been passed on already, so that another peer can continue it where the first
 * one was lost: nothing missing, nothing twice.
 */
import type { InferenceItem, InferenceRequest } from './inference.ts'

export class SentTokens {
  readonly #tokenIds: number[] = [] // at most `maxTokens` of the request
  #digest: string | undefined
  #text = ''

  constructor(resume?: InferenceRequest['resume']) {
    if (resume === undefined) return
    this.#tokenIds.push(...resume.tokenIds)
    this.#text = resume.text
    this.#digest = resume.digest
  }

  get count(): number {
    return this.#tokenIds.length
  }

  add(item: InferenceItem): void {
    for (const id of item.tokenIds) this.#tokenIds.push(id)
    this.#text += item.text
    if (item.digest !== undefined) this.#digest = item.digest
  }

  /** The request for what is missing. */
  continued(request: InferenceRequest): InferenceRequest {
    if (this.#tokenIds.length === 0 && this.#text === '') return request
    const resume = { tokenIds: [...this.#tokenIds], text: this.#text }
    const digest = this.#digest
    return { ...request, resume: digest === undefined ? resume : { ...resume, digest } }
  }
}
