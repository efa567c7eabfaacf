/**
 * A server that behaves as vLLM or llama-server do, as far as a client can tell, and that goes
 * wrong when it is told to. What differs between the servers is in the files beside this one.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { countTokens, nextToken } from './tiny-language.ts'

/** What goes wrong with one request for an answer. */
export type Fault =
  /** Answers with that instead. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
  /** Takes the request and sends nothing, or only the headers. */
  | { kind: 'hangs'; headers?: boolean }
  /** Its headers come so late. */
  | { kind: 'slow'; ms: number }
  /** The socket is destroyed, in the middle of an event. */
  | { kind: 'dies'; afterTokens: number }
  | { kind: 'hangsMidway'; afterTokens: number }
  /** Ends in good order, but before its end; with `[DONE]` or without. */
  | { kind: 'endsEarly'; afterTokens: number; done: boolean }
  | { kind: 'garbage'; afterTokens: number; bytes: string }
  | { kind: 'errorEvent'; afterTokens: number; error: unknown }
  /** The answer is whole, and then: no usage, no `[DONE]`, or nothing and an open socket. */
  | { kind: 'noUsage' }
  | { kind: 'noDone' }
  | { kind: 'hangsAtEnd' }

export interface FakeUpstreamOptions {
  model?: string
  contextTokens?: number
  /** Requests that it runs at once; the others wait in it. */
  slots?: number
  /** Between two tokens. */
  tokenMs?: number
  /** The key it wants. */
  key?: string
  /** Bytes of one write, so that events come in pieces. */
  writeBytes?: number
  port?: number
  /** Whether it makes vectors. */
  embeds?: boolean
}

export interface Body {
  model: string
  messages?: { role: string; content: string | null; tool_calls?: unknown[] }[]
  prompt?: string | number[]
  tools?: { function: { name: string } }[]
  tool_choice?: string | { function: { name: string } }
  parallel_tool_calls?: boolean
  max_tokens: number
  stop?: string[]
  stream_options?: { include_usage?: boolean; continuous_usage_stats?: boolean }
  timings_per_token?: boolean
  [field: string]: unknown
}

export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
}

/** What a kind of server does in its own way. */
interface Manners {
  models(): unknown
  /** Other addresses. */
  look(path: string): { status: number; body: unknown } | null
  /** Refuses a request, or says what its prompt is. */
  read(body: Body): { prompt: string } | Refused
  refuseLength(promptTokens: number, maxTokens: number): Refused | null
  unauthorized: Refused
  /** The objects of the events. */
  first(body: Body, usage: Usage): unknown[]
  piece(body: Body, text: string, usage: Usage): unknown
  /** A part of a tool call. */
  call(body: Body, part: CallPart, usage: Usage): unknown
  /** What it says at the end of an answer with calls. */
  callReason(body: Body): string
  last(body: Body, text: string, reason: string, usage: Usage): unknown[]
  usage(body: Body, usage: Usage): unknown
}

export interface CallPart {
  index: number
  id?: string
  type?: 'function'
  function: { name?: string; arguments: string }
}

export interface Refused {
  status: number
  body: unknown
}

export abstract class FakeUpstream implements Manners {
  readonly options: Required<Omit<FakeUpstreamOptions, 'key' | 'port'>> & { key?: string }
  /** Taken by the next requests for an answer, one each. */
  readonly faults: (Fault | null)[] = []
  /** Every request for an answer. */
  readonly requests: { path: string; body: Body; headers: IncomingMessage['headers'] }[] = []
  /** Paths of all other requests. */
  readonly looks: string[] = []
  /** Answers that the client did not wait for. */
  cancelled = 0
  running = 0
  readonly #queue: (() => void)[] = []
  #server: Server | null = null
  #port: number

  constructor({ port = 0, ...options }: FakeUpstreamOptions = {}) {
    this.options = {
      model: 'tiny',
      contextTokens: 1024,
      slots: 16,
      tokenMs: 1,
      writeBytes: 4096,
      embeds: false,
      ...options
    }
    this.#port = port
  }

  abstract models(): unknown
  abstract look(path: string): { status: number; body: unknown } | null
  abstract read(body: Body): { prompt: string } | Refused
  abstract refuseLength(promptTokens: number, maxTokens: number): Refused | null
  abstract readonly unauthorized: Refused
  abstract first(body: Body, usage: Usage): unknown[]
  abstract piece(body: Body, text: string, usage: Usage): unknown
  abstract call(body: Body, part: CallPart, usage: Usage): unknown
  abstract callReason(body: Body): string
  abstract last(body: Body, text: string, reason: string, usage: Usage): unknown[]
  abstract usage(body: Body, usage: Usage): unknown

  get waiting(): number {
    return this.#queue.length
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1`
  }

  /** The same address again after `down`. */
  async up(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** As a killed process: every socket is gone. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const { key } = this.options
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      send(response, this.unauthorized)
      return
    }
    if (request.method === 'GET') {
      this.looks.push(path)
      const looked = path === '/v1/models' ? { status: 200, body: this.models() } : this.look(path)
      send(response, looked ?? { status: 404, body: { error: { message: 'not found' } } })
      return
    }
    if (path === '/v1/embeddings') {
      const body = JSON.parse(await readAll(request)) as { input: (string | number[])[] }
      send(response, this.options.embeds ? vectorsOf(body.input) : NO_VECTORS)
      return
    }
    const body = JSON.parse(await readAll(request)) as Body
    this.requests.push({ path, body, headers: request.headers })
    await this.#serve(body, response)
  }

  async #serve(body: Body, response: ServerResponse): Promise<void> {
    const fault = this.faults.shift() ?? null
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      response.end(JSON.stringify(fault.body ?? { error: { message: 'made to fail' } }))
      return
    }
    if (fault?.kind === 'hangs') {
      if (fault.headers === true) response.writeHead(200).flushHeaders()
      return
    }
    if (fault?.kind === 'slow') await sleep(fault.ms)
    const read = this.read(body)
    if ('status' in read) {
      send(response, read)
      return
    }
    const promptTokens = countTokens(read.prompt)
    const refused = this.refuseLength(promptTokens, body.max_tokens)
    if (refused !== null) {
      send(response, refused)
      return
    }
    const left = new Promise<void>((resolve) => response.once('close', resolve))
    if (!(await this.#takeSlot(response, left))) return
    try {
      await this.#stream(response, { body, prompt: read.prompt, promptTokens, fault })
    } finally {
      if (!response.writableFinished && response.destroyed) this.cancelled++
      this.running--
      this.#queue.shift()?.()
    }
  }

  async #takeSlot(response: ServerResponse, left: Promise<void>): Promise<boolean> {
    while (this.running >= this.options.slots) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#queue.push(resolve)
      await Promise.race([promise, left])
      const at = this.#queue.indexOf(resolve)
      if (at !== -1) this.#queue.splice(at, 1)
      if (response.destroyed) return false
    }
    this.running++
    return true
  }

  async #stream(
    response: ServerResponse,
    asked: { body: Body; prompt: string; promptTokens: number; fault: Fault | null }
  ): Promise<void> {
    const { body, prompt, promptTokens, fault } = asked
    const { contextTokens, tokenMs } = this.options
    const stops = body.stop ?? []
    const heldBack = Math.max(0, ...stops.map((stop) => stop.length - 1))
    const events = new EventWriter(response, this.options.writeBytes)
    let text = ''
    let shown = 0
    let tokens = 0
    let reason = ''
    const usage = (): Usage => ({
      prompt_tokens: promptTokens,
      completion_tokens: tokens,
      total_tokens: promptTokens + tokens
    })
    for (const object of this.first(body, usage())) await events.object(object)
    for (const part of callsIn(body, prompt)) {
      if (response.destroyed) return
      if (fault !== null && 'afterTokens' in fault && tokens === fault.afterTokens) {
        return goWrong(fault, events)
      }
      await sleep(tokenMs)
      tokens++
      await events.object(this.call(body, part, usage()))
      reason = this.callReason(body)
    }
    while (reason === '') {
      if (response.destroyed) return
      if (fault !== null && 'afterTokens' in fault && tokens === fault.afterTokens) {
        return goWrong(fault, events)
      }
      await sleep(tokenMs)
      text += nextToken(prompt + text)
      tokens++
      const stop = stops.map((each) => text.indexOf(each)).filter((at) => at !== -1)
      if (stop.length > 0) text = text.slice(0, Math.min(...stop))
      if (stop.length > 0) reason = 'stop'
      else if (tokens >= body.max_tokens || promptTokens + tokens >= contextTokens)
        reason = 'length'
      else if (text.length - heldBack > shown) {
        const piece = text.slice(shown, text.length - heldBack)
        shown += piece.length
        await events.object(this.piece(body, piece, usage()))
      }
    }
    for (const object of this.last(body, text.slice(shown), reason, usage()))
      await events.object(object)
    if (fault?.kind === 'hangsAtEnd') return new Promise(() => {})
    if (fault?.kind !== 'noUsage' && body.stream_options?.include_usage === true) {
      await events.object(this.usage(body, usage()))
    }
    if (fault?.kind !== 'noDone') await events.bytes('data: [DONE]\n\n')
    response.end()
  }
}

/** What it is made to call: a word that follows from the prompt, and the next one if it may. */
function callsIn(body: Body, prompt: string): CallPart[] {
  const { tools = [], tool_choice: choice = 'auto' } = body
  if (choice === 'auto' || choice === 'none') return []
  const named = typeof choice === 'string' ? tools[0]!.function.name : choice.function.name
  const count = body.parallel_tool_calls === false ? 1 : 2
  return Array.from({ length: count }, (_, index) => {
    const word = nextToken(`${prompt}${index}`).trim()
    const type = 'function' as const
    return [
      { index, id: `chatcmpl-tool-${index}`, type, function: { name: named, arguments: '' } },
      { index, function: { arguments: '{"word": "' } },
      { index, function: { arguments: `${word}"}` } }
    ]
  }).flat()
}

const NO_VECTORS: Refused = {
  status: 501,
  body: { error: { message: 'This server does not support embeddings', code: 501 } }
}

/** Each input has a vector of its own, not of length 1, and they come in no order. */
function vectorsOf(inputs: readonly (string | number[])[]): Refused {
  const data = inputs.map((input, index) => {
    const hash = createHash('sha256').update(JSON.stringify(input)).digest()
    return { object: 'embedding', index, embedding: [...hash.subarray(0, 8)] }
  })
  const prompt_tokens = inputs.reduce((sum, input) => sum + input.length, 0)
  return { status: 200, body: { data: data.toReversed(), usage: { prompt_tokens } } }
}

async function goWrong(
  fault: Extract<Fault, { afterTokens: number }>,
  events: EventWriter
): Promise<void> {
  switch (fault.kind) {
    case 'dies':
      await events.bytes('data: {"choices":[{"del')
      events.response.destroy()
      return
    case 'hangsMidway':
      await new Promise<void>((resolve) => events.response.once('close', resolve))
      return
    case 'endsEarly':
      if (fault.done) await events.bytes('data: [DONE]\n\n')
      events.response.end()
      return
    case 'garbage':
      await events.bytes(fault.bytes)
      events.response.end()
      return
    case 'errorEvent':
      await events.object({ error: fault.error })
      await events.bytes('data: [DONE]\n\n')
      events.response.end()
  }
}

class EventWriter {
  readonly response: ServerResponse
  readonly #writeBytes: number

  constructor(response: ServerResponse, writeBytes: number) {
    this.response = response
    this.#writeBytes = writeBytes
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    response.socket?.setNoDelay(true)
  }

  async object(object: unknown): Promise<void> {
    await this.bytes(`data: ${JSON.stringify(object)}\n\n`)
  }

  async bytes(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += this.#writeBytes) {
      if (this.response.destroyed) return
      this.response.write(bytes.subarray(at, at + this.#writeBytes))
      if (at + this.#writeBytes < bytes.length) await new Promise(setImmediate)
    }
  }
}

function send(response: ServerResponse, { status, body }: Refused): void {
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' })
  response.end(isText ? body : JSON.stringify(body))
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Ids of tokens as a text, which is all that this language needs. */
export const promptOf = ({ prompt = '' }: Body): string =>
  typeof prompt === 'string' ? prompt : prompt.join(' ')

export function wordsOf({ content, tool_calls: calls }: NonNullable<Body['messages']>[number]) {
  return `${content ?? ''}${calls === undefined ? '' : JSON.stringify(calls)}`
}
