/**
 * How the tests of what clients of OpenAI's API expect ask, and read replies that fit their schema.
 */
import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ChatChunk, ChatReply } from '#shared/contracts/http/chat.ts'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import {
  readStream,
  startOpenAiMesh,
  TOOL_SAMPLING,
  type OpenAiMesh,
  type OpenAiSetup,
  type ReadStream
} from './openai-mesh.ts'

export const CHAT = '/v1/chat/completions'
export const chat = { model: 'sim', messages: [{ role: 'user', content: 'hi' }] }
export const tiny = { ...chat, model: 'haif-tiny', max_tokens: 8 }
export const FUNCTION = {
  name: 'f',
  description: 'Does it.',
  parameters: { type: 'object', properties: { a: { enum: [1, 2] } }, required: ['a'] }
}
export const tools = [{ type: 'function', function: FUNCTION }]
export const calling = {
  ...tiny,
  ...TOOL_SAMPLING,
  model: 'random',
  max_tokens: 300,
  tools,
  tool_choice: 'required',
  parallel_tool_calls: false
}

interface Reply {
  status: number
  headers: Headers
  body: unknown
}

interface Checklist extends OpenAiMesh {
  ask: (path: string, body: object, headers?: Record<string, string>) => Promise<Reply>
  good: <S extends TSchema>(path: string, schema: S, body: object) => Promise<Static<S>>
  chatReply: (body: object) => Promise<ChatReply>
  refused: (path: string, body: object, param: string) => Promise<void>
  stream: (path: string, body: object) => Promise<ReadStream>
  chunks: (body: object) => Promise<ChatChunk[]>
}

/** A mesh for all tests of a file. */
export async function startChecklist(setup: OpenAiSetup): Promise<Checklist> {
  const mesh = await startOpenAiMesh({ after }, setup)
  const ask: Checklist['ask'] = async (path, body, headers) => {
    const response = await mesh.post(path, body, headers)
    const reply: unknown = await response.json()
    return { status: response.status, headers: response.headers, body: reply }
  }
  const good: Checklist['good'] = async (path, schema, body) => {
    const reply = await ask(path, body)
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    return fitting(schema, reply.body)
  }
  const stream: Checklist['stream'] = async (path, body) => {
    const response = await mesh.post(path, { ...body, stream: true })
    assert.equal(response.status, 200)
    assert.ok(response.headers.get('x-request-id'))
    return readStream(await response.text())
  }
  return {
    ...mesh,
    ask,
    good,
    stream,
    chatReply: (body) => good(CHAT, ChatReply, body),
    async refused(path, body, param) {
      const reply = await ask(path, body)
      const { error } = fitting(OpenAiErrorBody, reply.body)
      assert.deepEqual([reply.status, error.param], [400, param], error.message)
    },
    async chunks(body) {
      const { events } = await stream(CHAT, body)
      assert.equal(events.pop()?.data, '[DONE]')
      return events.map(({ data }) => fitting(ChatChunk, JSON.parse(data)))
    }
  }
}

/** The value, once its schema has been checked. */
export function fitting<S extends TSchema>(schema: S, value: unknown): Static<S> {
  assert.ok(Compile(schema).Check(value), JSON.stringify(value))
  return value
}
