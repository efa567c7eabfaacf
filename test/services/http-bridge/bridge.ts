/** A real bridge in front of real gateways whose answers are scripted. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { identify } from '#shared/contracts/access/access.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { gatewayEmbed, type EmbedAsked } from '#shared/contracts/inference/embedding.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { encodeVectors } from '#shared/contracts/inference/vectors.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import {
  gatewayModels,
  gatewayReady,
  type ModelEntry,
  type Readiness
} from '#shared/contracts/peers/peers.ts'
import { silentLogger, type Logger } from '#shared/process/log.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import {
  createHttpBridge,
  type HttpBridge,
  type HttpBridgeDeps
} from '../../../services/http-bridge/http-bridge.ts'
import { atEnd, startDht, startPeer, type Scope } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { memberOf } from '../../helpers/peers/member.ts'

export type Infer = (
  request: InferenceRequest,
  context: ServerContext
) => AsyncGenerator<InferenceItem, InferenceEnd, void>

export const END: InferenceEnd = {
  finishReason: 'stop',
  usage: { promptTokens: 5, cachedPromptTokens: 2, completionTokens: 3 },
  timings: { queueMs: 1.25, prefillMs: 2.5, decodeMs: 4 },
  model: 'test-model',
  provider: 'sim',
  attempts: 2,
  workers: ['aa', 'bb']
}

/** The only token that the gateways know. */
export const KNOWN_TOKEN = 'haif_known'

export const modelEntry = (name: string): ModelEntry => ({
  name,
  createdAt: 0,
  digest: 'ab'.repeat(32),
  contextTokens: 4096,
  engine: 'llama',
  workers: ['aa']
})

/** Says each text as one item. */
export const says = (...texts: string[]): Infer =>
  async function* () {
    for (const [seq, text] of texts.entries()) yield { seq, tokenIds: [seq], text }
    return END
  }

interface Setup extends Partial<HttpBridgeDeps> {
  /** One gateway for each. */
  gateways?: Infer[]
  readiness?: Readiness
  models?: ModelEntry[]
  log?: Logger
}

type Headers = Record<string, string>

export interface Bridge {
  url: string
  bridge: HttpBridge
  gateways: Mesh[]
  /** What the gateways were asked. */
  requests: InferenceRequest[]
  /** Texts that they were to make vectors of, which say how long each is. */
  embedded: EmbedAsked[]
  contexts: ServerContext[]
  post: (body: unknown, headers?: Headers) => Promise<Response>
  /** A body as it is. */
  send: (body: string | Buffer | ReadableStream, headers?: Headers) => Promise<Response>
}

export async function startBridge(t: Scope, setup: Setup = {}): Promise<Bridge> {
  const { gateways = [says('Hello', ' world')], readiness = { ready: true }, models = [] } = setup
  const topicKey = await startDht(t)
  const requests: InferenceRequest[] = []
  const embedded: EmbedAsked[] = []
  const contexts: ServerContext[] = []
  const meshes: Mesh[] = []
  for (const infer of gateways) {
    const router = new Router()
      .serve(gatewayInfer, (request, context) => {
        const { usageId: _ownEachTime, ...charge } = request.charge
        requests.push({ ...request, charge })
        contexts.push(context)
        return infer(request, context)
      })
      .respond(gatewayEmbed, ({ asked }) => {
        embedded.push(asked)
        const vectors = asked.inputs.map(({ length }) => new Float32Array(2).fill(length))
        return {
          vectors: encodeVectors(vectors),
          promptTokens: vectors.length,
          provider: 'sim',
          model: 'test-model'
        }
      })
      .respond(gatewayReady, () => readiness)
      .respond(gatewayModels, () => ({ models }))
      .respond(identify, (_request, { presented }) =>
        presented?.token === KNOWN_TOKEN ? { tenant: 't', tokenId: 'k' } : { tenant: 'local' }
      )
    meshes.push(await startPeer(t, topicKey, { role: 'gateway', router }))
  }
  let own: Mesh | undefined
  const bridge = createHttpBridge({
    join(router) {
      own = new Mesh({
        dht: createDht(topicKey),
        ...memberOf(topicKey, 'bridge'),
        router,
        lookupMs: 200,
        log: silentLogger()
      })
      return own
    },
    self: { host: 'test', version: '1.2.3' },
    host: '127.0.0.1',
    port: 0,
    log: silentLogger(),
    metrics: createMetrics(),
    drainMs: 200,
    ...setup
  })
  atEnd(t, () => bridge.stop())
  await bridge.start()
  await until(() => own?.links('gateway').length === meshes.length)
  const { url } = bridge
  const send = (body: string | Buffer | ReadableStream, headers: Headers = {}) =>
    fetch(`${url}/infer`, { method: 'POST', body, headers, duplex: 'half' })
  const post = (body: unknown, headers: Headers = {}) =>
    send(JSON.stringify(body), { 'content-type': 'application/json', ...headers })
  return { url, bridge, gateways: meshes, requests, embedded, contexts, post, send }
}

interface SseEvent {
  event: string
  data: Record<string, unknown>
}

/** The events of a whole stream; comments are left out. */
export function parseEvents(text: string): SseEvent[] {
  const events: SseEvent[] = []
  for (const block of text.split('\n\n')) {
    const match = /^event: (\w+)\ndata: (.*)$/.exec(block)
    if (match !== null) events.push({ event: match[1]!, data: parseObject(match[2]!) })
  }
  return events
}

function parseObject(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>
}

/** A streaming request by node:http, which reads only when told to. */
export async function openStream(bridge: Bridge, body: object = { prompt: 'hi', stream: true }) {
  const request = http.request(`${bridge.url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' }
  })
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  request.once('response', resolve)
  request.once('error', reject)
  request.end(JSON.stringify(body))
  const response = await promise
  request.on('error', () => {}) // destroyed by the test
  return { request, response }
}

export async function readText(response: http.IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += String(chunk)
  return text
}

/** A port that something else listens on. */
export async function takePort(t: Scope): Promise<number> {
  const server = http.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}
