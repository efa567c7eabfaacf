/** Writes a response as numbered events, from `response.created` to its last status. */
import type { ResponseObject } from '#shared/contracts/http/responses.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { AnswerPart } from '../../ask/answer-parts.ts'
import type { EventForm } from '../../ask/send-answer.ts'
import type { EventSink } from '../../http/stream/event-log.ts'
import type { FailedRequest } from '../../http/errors.ts'
import { openAiErrorBody, RESPONSES_NAMES } from '../error.ts'
import { commentOn } from '../reply-parts.ts'
import { cancelResponse, failResponse, sampledWith } from './reply.ts'
import { ResponseOutput } from './output.ts'

interface ResponseEventsDeps {
  begun: ResponseObject
  newId: (prefix: string) => string
  withLogprobs: boolean
  tellsServed: boolean
  /** Makes the whole response, and keeps it where the client asked for that. */
  complete: (output: ResponseOutput, end: InferenceEnd) => ResponseObject
}

export class ResponseEvents implements EventForm {
  readonly #deps: ResponseEventsDeps
  #begun: ResponseObject
  readonly #output: ResponseOutput
  #events: EventSink | null = null
  #sequenceNumber = 0

  constructor(deps: ResponseEventsDeps) {
    this.#deps = deps
    this.#begun = deps.begun
    const { newId, withLogprobs } = deps
    const emit = (type: string, fields: object) => this.#emit(type, fields)
    this.#output = new ResponseOutput({ emit, newId, withLogprobs })
  }

  part(part: AnswerPart, events: EventSink): void {
    commentOn(part, events, this.#deps.tellsServed)
    if (part.kind === 'item' && part.item.queued !== undefined) return
    const { sampling } = part.kind === 'item' ? part.item : part.end
    this.#begun = sampledWith(this.#begun, sampling)
    this.begin(events)
    if (part.kind === 'item') {
      this.#output.add(part.item)
      return
    }
    const response = this.#deps.complete(this.#output, part.end)
    this.#emit(`response.${response.status}`, { response })
  }

  /** Writes two events, because some clients know only one of them. */
  failure({ error }: FailedRequest, events: EventSink): void {
    this.begin(events)
    const { code, message, param } = openAiErrorBody(error, RESPONSES_NAMES).error
    this.#emit('error', { code, message, param })
    const response = failResponse(this.#begun, this.#output, error)
    this.#emit('response.failed', { response })
  }

  cancelled(events: EventSink): void {
    this.begin(events)
    this.#emit('response.cancelled', { response: cancelResponse(this.#begun, this.#output) })
  }

  /** Writes the first events, unless they have been written. */
  begin(events: EventSink): void {
    this.#events = events
    if (this.#sequenceNumber > 0) return
    this.#emit('response.created', { response: this.#begun })
    this.#emit('response.in_progress', { response: this.#begun })
  }

  #emit(type: string, fields: object): void {
    const sequenceNumber = this.#sequenceNumber++
    this.#events?.event(type, { type, sequence_number: sequenceNumber, ...fields })
  }
}
