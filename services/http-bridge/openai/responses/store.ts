/**
 * Keeps responses that clients may name later: by `previous_response_id`, by an item's id, by
 * `GET`.
 *
 * They live in the memory of one bridge, within three bounds. Where there are too many, the oldest
 * of the owner that has most goes first, so nobody pushes out what others have. A client gets only
 * its own responses: see `ownerOf`.
 */
import type { OutputItem, ResponseObject, StoredItem } from '#shared/contracts/http/responses.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'

export interface StoreBounds {
  responses: number
  bytes: number
  ageMs: number
}

const STORE_BOUNDS: StoreBounds = {
  responses: 1024,
  bytes: 64 * 1024 * 1024,
  ageMs: 24 * 60 * 60 * 1000
}

interface Stored {
  response: ResponseObject
  /** What was asked, beside the conversation before it. */
  input: readonly StoredItem[]
  /** The whole conversation, with this response at its end. */
  messages: readonly ChatMessage[]
  owner: string
  bytes: number
  storedAt: number
}

type Kept = Pick<Stored, 'response' | 'owner'> & Partial<Pick<Stored, 'input' | 'messages'>>

export class ResponseStore {
  readonly #bounds: StoreBounds
  readonly #now: () => number
  readonly #stored = new Map<string, Stored>() // oldest first; at most `bounds.responses`
  readonly #responseOfItem = new Map<string, string>() // for every stored response
  /** Responses and bytes of each owner; as many as have any. */
  readonly #owners = new Map<string, { ids: Set<string>; bytes: number }>()
  #bytes = 0

  constructor(deps: { bounds?: StoreBounds; now: () => number }) {
    this.#bounds = deps.bounds ?? STORE_BOUNDS
    this.#now = deps.now
  }

  get size(): number {
    return this.#stored.size
  }

  add({ response, input = [], messages = [], owner }: Kept): void {
    const bytes = JSON.stringify(response).length + sizeOf(messages) + sizeOf(input)
    if (bytes > this.#bounds.bytes) return // it would push out all others, and still not fit
    const stored = { response, input, messages, owner, bytes, storedAt: this.#now() }
    this.#stored.set(response.id, stored)
    for (const { id } of response.output) this.#responseOfItem.set(id, response.id)
    this.#bytes += bytes
    const owned = this.#owners.get(owner) ?? { ids: new Set(), bytes: 0 }
    owned.ids.add(response.id)
    owned.bytes += bytes
    this.#owners.set(owner, owned)
    this.#expire()
  }

  get(id: string, owner: string): Pick<Stored, 'response' | 'input' | 'messages'> | undefined {
    this.#expire()
    const stored = this.#stored.get(id)
    return stored?.owner === owner ? stored : undefined
  }

  item(id: string, owner: string): OutputItem | undefined {
    const { response } = this.get(this.#responseOfItem.get(id) ?? '', owner) ?? {}
    return response?.output.find((item) => item.id === id)
  }

  /** Returns whether the owner had such a response. */
  delete(id: string, owner: string): boolean {
    if (this.get(id, owner) === undefined) return false
    this.#drop(id)
    return true
  }

  #expire(): void {
    const { responses, bytes, ageMs } = this.#bounds
    for (const [id, { storedAt }] of this.#stored) {
      if (this.#now() - storedAt <= ageMs) break
      this.#drop(id)
    }
    while (this.#stored.size > responses) this.#dropOfLargest(({ ids }) => ids.size)
    while (this.#bytes > bytes) this.#dropOfLargest((owned) => owned.bytes)
  }

  #dropOfLargest(sizeOfOwner: (owned: { ids: Set<string>; bytes: number }) => number): void {
    let largest: { ids: Set<string>; bytes: number } | null = null
    for (const owned of this.#owners.values()) {
      if (largest === null || sizeOfOwner(owned) > sizeOfOwner(largest)) largest = owned
    }
    const [oldest] = largest?.ids ?? []
    if (oldest !== undefined) this.#drop(oldest)
  }

  #drop(id: string): void {
    const { response, bytes, owner } = this.#stored.get(id)!
    this.#stored.delete(id)
    this.#bytes -= bytes
    const owned = this.#owners.get(owner)!
    owned.ids.delete(id)
    owned.bytes -= bytes
    if (owned.ids.size === 0) this.#owners.delete(owner)
    for (const item of response.output) this.#responseOfItem.delete(item.id)
  }
}

/**
 * Counts characters, of which most take one byte; messages in several conversations count each
 * time.
 */
const sizeOf = (parts: readonly object[]): number =>
  parts.reduce((sum, part) => sum + JSON.stringify(part).length, 0)
