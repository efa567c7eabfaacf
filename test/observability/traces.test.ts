/** One request is one trace, seen by a real receiver of OTLP over HTTP. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { liveMetrics } from '../helpers/mesh/live-metrics.ts'
import { until } from '../helpers/until.ts'

interface Span {
  service: string
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  status?: { code?: number }
  attributes: { key: string; value: { stringValue?: string } }[]
}

interface Export {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] }
    scopeSpans: { spans: Span[] }[]
  }[]
}

/** As a collector takes them. */
class Receiver {
  readonly spans: Span[] = []
  readonly #server: Server = createServer((request, response) => void this.#take(request, response))

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk as string
    for (const { resource, scopeSpans } of (JSON.parse(body) as Export).resourceSpans) {
      const service = valueOf(resource.attributes, 'service.name') ?? ''
      for (const { spans } of scopeSpans) {
        this.spans.push(...spans.map((span) => ({ ...span, service })))
      }
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  of(traceId: string): Span[] {
    return this.spans.filter((span) => span.traceId === traceId)
  }
}

function valueOf(attributes: Span['attributes'], key: string): string | undefined {
  return attributes.find((attribute) => attribute.key === key)?.value.stringValue
}

/** Its answer in the second test lasts longer than another worker takes to start. */
const SLOW = 'sim:sim?decode=4'
const FAST = 'sim:sim?decode=inf'
const PARENT = 'cd'.repeat(8)
const receiver = new Receiver()
let mesh: Deployment

before(async () => {
  const env = { LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.start() }
  mesh = await Deployment.start([SLOW], env)
})

after(async () => {
  await mesh[Symbol.asyncDispose]()
  receiver.stop()
})

function post(trace: string, body: object): Promise<Response> {
  return fetch(`${mesh.url}/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      traceparent: `00-${trace}-${PARENT}-01`
    },
    body: JSON.stringify(body)
  })
}

const named = (spans: Span[], name: string) => spans.filter((span) => span.name === name)

/** From the span up to the client's own. */
function ancestors(spans: Span[], span: Span): string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)
  return parent === undefined
    ? []
    : [`${parent.service} ${parent.name}`, ...ancestors(spans, parent)]
}

const HOPS = [
  'haif-worker worker.infer',
  'haif-orchestrator attempt',
  'haif-orchestrator orchestrator.infer',
  'haif-gateway gateway.infer',
  'haif-http-bridge POST /infer'
]

test('a request is one trace from the bridge to the engine, and says nothing of its prompt', async () => {
  const trace = 'ab'.repeat(16)
  await (await post(trace, { prompt: 'a secret plan', max_tokens: 4 })).text()
  await until(() => receiver.of(trace).length >= HOPS.length + 3)
  const spans = receiver.of(trace)
  for (const part of ['engine.queue', 'engine.prefill', 'engine.decode']) {
    assert.equal(named(spans, part).length, 1, part)
    assert.deepEqual(ancestors(spans, named(spans, part)[0]!), HOPS)
  }
  assert.equal(named(spans, 'POST /infer')[0]!.parentSpanId, PARENT)
  assert.equal(spans.length, HOPS.length + 3)
  assert.ok(!JSON.stringify(receiver.spans).includes('secret plan'))
})

test('a request that failed over is one trace with both attempts', async () => {
  const trace = 'ba'.repeat(16)
  const reply = await post(trace, { prompt: 'count', max_tokens: 400 })
  const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader.read()).value ?? ''
  const serving = mesh.services.at(-1)!
  mesh.addWorker(FAST)
  await until(async () => (await workersReady()) === 2)
  serving.kill('SIGKILL')
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value
  assert.match(text, /event: done/)
  // The killed worker reports nothing.
  await until(() => receiver.of(trace).length >= HOPS.length + 1 + 3)
  const spans = receiver.of(trace)
  const attempts = named(spans, 'attempt')
  assert.equal(attempts.length, 2)
  const workers = attempts.map(({ attributes }) => valueOf(attributes, 'haif.worker'))
  assert.equal(new Set(workers).size, 2)
  assert.deepEqual(
    attempts.map(({ status }) => status?.code ?? 0).toSorted((a, b) => a - b),
    [0, 2] // unset, error
  )
  for (const attempt of attempts) assert.deepEqual(ancestors(spans, attempt), HOPS.slice(2))
  assert.deepEqual(ancestors(spans, named(spans, 'engine.decode')[0]!), HOPS)
})

/** As the orchestrator counts them. */
async function workersReady(): Promise<number | undefined> {
  const [, orchestrator] = mesh.services
  const series = await liveMetrics(orchestrator!)
  return series.find(({ name }) => name === 'haif_workers_ready')?.value
}
