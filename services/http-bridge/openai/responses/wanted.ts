/** What a body of `POST /v1/responses` wants, with the conversation before it. */
import { randomBytes } from 'node:crypto'
import type { ResponseObject, ResponsesBody } from '#shared/contracts/http/responses.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { invalid } from '../../http/refusal.ts'
import { secondsNow } from '../reply-parts.ts'
import { outputMessages, toMessages } from './input.ts'
import { storedItems } from './input-items.ts'
import { beginResponse, endResponse } from './reply.ts'
import type { ResponseOutput } from './output.ts'
import { readResponses, wantsLogprobs } from './request.ts'
import type { ResponseStore } from './store.ts'

const ID_BYTES = 24

export const newId = (prefix: string): string => prefix + randomBytes(ID_BYTES).toString('hex')

/** A response that is to be made. */
export interface WantedResponse {
  body: ResponsesBody
  owner: string
  asked: Asked
  /** The object before there is an answer. */
  begun: ResponseObject
  withLogprobs: boolean
  /** Makes the whole response, and keeps it where the client wants that. */
  complete: (output: ResponseOutput, end: InferenceEnd) => ResponseObject
  /** Keeps a response that has no whole answer. */
  keep: (response: ResponseObject, output: ResponseObject['output']) => void
}

export function wantedResponse(
  responses: ResponseStore,
  body: ResponsesBody,
  owner: string
): WantedResponse {
  const { history, messages } = readConversation(responses, body, owner)
  const begun = beginResponse({ id: newId('resp_'), createdAt: secondsNow() }, body)
  const input = storedItems(body.input, newId)
  const keep: WantedResponse['keep'] = (response, output) => {
    if (!response.store) return
    const conversation = [...history, ...messages, ...outputMessages(output)]
    responses.add({ response, input, messages: conversation, owner })
  }
  return {
    body,
    owner,
    asked: readResponses(body, history, messages),
    begun,
    withLogprobs: wantsLogprobs(body),
    keep,
    complete(output, end) {
      output.finish(end.finishReason === 'length' ? 'incomplete' : 'completed')
      const response = endResponse(begun, output, end, secondsNow())
      keep(response, output.items)
      return response
    }
  }
}

/** Reads the messages before this request, and those that it adds. */
function readConversation(
  responses: ResponseStore,
  body: ResponsesBody,
  owner: string
): { history: readonly ChatMessage[]; messages: readonly ChatMessage[] } {
  const messages = toMessages(body.input, (id) => responses.item(id, owner))
  const { previous_response_id: previous } = body
  if (previous === undefined) return { history: [], messages }
  const stored = responses.get(previous, owner)
  if (stored !== undefined) return { history: stored.messages, messages }
  throw invalid(
    'previous_response_id',
    `${previous} is not kept here (any more), or still in progress: send the whole conversation ` +
      'as input'
  )
}
