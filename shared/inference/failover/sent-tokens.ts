/**
 * The part of an answer that has been passed on already, kept so that another peer can continue it
 * where the first one was lost: nothing missing, nothing twice.
 *
 * It continues by token ids where one file has made them all. An engine that knows no ids, or a
 * second file in the middle, leaves only the text, and the number of tokens that it has. After tool
 * calls there is no such text to go on with.
 *
 * It is needed only when a peer is lost, so what was passed on is put aside as it came, and read
 * when there is much of it or somebody asks.
 */
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import {
  tokensIn,
  type InferenceItem,
  type ToolCallDelta
} from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import type { Asked, Sent } from '#shared/contracts/inference/request.ts'
import { AnswerBound } from '../answer-bound.ts'

/** Bytes that are put aside before they are read. */
const UNREAD_BYTES_MAX = 16_384

export class SentTokens {
  #unread: ItemBatch<InferenceItem>[] = [] // at most UNREAD_BYTES_MAX and one batch
  #unreadBytes = 0
  /** Null: the answer has been checked before it comes here. */
  readonly #bound: AnswerBound | null
  readonly #tokenIds: number[] = [] // bounded like the texts, by `#bound`
  #count = 0
  /** How many tokens of the prompt have been told. */
  #promptTokens = 0
  #idsAreWhole = true
  #digest: string | undefined
  #text = ''
  #reasoning = ''
  #toolCalls: ToolCall[] = [] // as many as the contract allows

  /** `asked`: an answer to it that cannot be one throws WORKER_FAULTY. */
  constructor(before?: Sent, asked?: Asked) {
    this.#bound = asked === undefined ? null : new AnswerBound(asked, before)
    if (before === undefined) return
    this.#tokenIds.push(...before.tokenIds)
    this.#count = tokensIn(before)
    this.#promptTokens = before.promptTokens ?? 0
    this.#idsAreWhole = this.#count === before.tokenIds.length
    this.#text = before.text
    this.#reasoning = before.reasoning ?? ''
    this.#toolCalls = (before.toolCalls ?? []).map((call) => ({ ...call }))
    this.#digest = before.digest
  }

  /** False when no peer could go on with the answer. */
  get canContinue(): boolean {
    this.#read()
    return this.#idsAreWhole || this.#toolCalls.length === 0
  }

  get count(): number {
    this.#read()
    return this.#count
  }

  add(item: InferenceItem): void {
    this.#read()
    this.#add(item)
  }

  addBatch(batch: ItemBatch<InferenceItem>): void {
    this.#unread.push(batch)
    this.#unreadBytes += batch.bytes(itemCodec).length
    if (this.#unreadBytes >= UNREAD_BYTES_MAX) this.#read()
  }

  #read(): void {
    if (this.#unread.length === 0) return
    // throws every time when it throws once
    const items = this.#unread.flatMap((batch) => batch.items())
    this.#unread = []
    this.#unreadBytes = 0
    for (const item of items) this.#add(item)
  }

  #add(item: InferenceItem): void {
    const { tokenIds, text, digest, queued, limits } = item
    if (queued === undefined && limits === undefined) this.#bound?.addItem(item)
    if (digest !== undefined) {
      if (this.#count > 0 && digest !== this.#digest) this.#idsAreWhole = false
      this.#digest = digest
    }
    for (const id of tokenIds) this.#tokenIds.push(id)
    this.#count += tokensIn(item)
    this.#promptTokens += item.prompt?.length ?? 0
    if (this.#count !== this.#tokenIds.length) this.#idsAreWhole = false
    this.#text += text
    this.#reasoning += item.reasoning ?? ''
    for (const delta of item.toolCalls ?? []) addToCalls(this.#toolCalls, delta)
  }

  /** The request for what is missing. */
  continued<Request extends { sent?: Sent }>(request: Request): Request {
    this.#read()
    const isNothing = this.#count === 0 && this.#text === '' && this.#reasoning === ''
    if (isNothing && this.#toolCalls.length === 0 && this.#promptTokens === 0) return request
    const inWords = {
      text: this.#text,
      ...(this.#reasoning === '' ? {} : { reasoning: this.#reasoning }),
      ...(this.#toolCalls.length === 0 ? {} : { toolCalls: this.#toolCalls.map(copy) }),
      ...(this.#promptTokens === 0 ? {} : { promptTokens: this.#promptTokens })
    }
    if (!this.#idsAreWhole) {
      return { ...request, sent: { tokenIds: [], ...inWords, tokens: this.#count } }
    }
    const sent = { tokenIds: [...this.#tokenIds], ...inWords }
    const digest = this.#digest
    return { ...request, sent: digest === undefined ? sent : { ...sent, digest } }
  }
}

const copy = (call: ToolCall): ToolCall => ({ ...call })

/** Puts the parts of calls together. */
export function addToCalls(calls: ToolCall[], { index, id, name, ...more }: ToolCallDelta): void {
  const call = (calls[index] ??= { id: '', name: '', arguments: '' })
  if (id !== undefined) call.id = id
  if (name !== undefined) call.name = name
  call.arguments += more.arguments ?? ''
}
