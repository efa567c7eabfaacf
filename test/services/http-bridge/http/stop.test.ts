import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { createHttpBridge } from '../../../../services/http-bridge/http-bridge.ts'
import { startDht } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'
import {
  END,
  openStream,
  parseEvents,
  readText,
  startBridge,
  takePort,
  type Infer
} from '../bridge.ts'
import { memberOf } from '../../../helpers/peers/member.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh } from '#shared/mesh/mesh.ts'

const endless: Infer = async function* (_request, { signal }) {
  for (let seq = 0; !signal.aborted; seq++) {
    yield { seq, tokenIds: [seq], text: 'x' }
    await sleep(5)
  }
  return END
}

test('stopping lets running requests end and refuses new ones', async (t) => {
  const { promise: finish, resolve } = Promise.withResolvers<void>()
  const bridge = await startBridge(t, {
    drainMs: 20_000,
    gateways: [
      async function* () {
        yield { seq: 0, tokenIds: [0], text: 'one' }
        await finish
        yield { seq: 1, tokenIds: [1], text: 'two' }
        return END
      }
    ]
  })
  const stream = await openStream(bridge)
  const json = bridge.post({ prompt: 'hi' })
  await until(() => bridge.requests.length === 2)
  const stopped = bridge.bridge.stop()
  const refused = await bridge.post({ prompt: 'hi' })
  assert.equal(refused.status, 503)
  assert.match(await refused.text(), /"SHUTTING_DOWN"/)
  assert.equal((await fetch(`${bridge.url}/health`)).status, 200)
  assert.equal((await fetch(`${bridge.url}/readyz`)).status, 503)
  resolve()
  assert.equal(parseEvents(await readText(stream.response)).at(-1)?.event, 'done')
  assert.equal((await json).status, 200)
  await stopped
  await assert.rejects(fetch(bridge.url))
})

test('what has not ended by then gets a clear error, also what waits for its first token', async (t) => {
  const bridge = await startBridge(t, {
    gateways: [
      async function* (request, context) {
        if (request.asked.maxTokens === 1) await waitFor(context.signal)
        return yield* endless(request, context)
      }
    ]
  })
  const stream = await openStream(bridge)
  const waiting = bridge.post({ prompt: 'hi', max_tokens: 1, stream: true })
  await until(() => bridge.requests.length === 2)
  const text = readText(stream.response)
  await bridge.bridge.stop()
  const last = parseEvents(await text).at(-1)
  assert.equal(last?.event, 'error')
  assert.match(JSON.stringify(last?.data), /"SHUTTING_DOWN"/)
  const response = await waiting
  assert.equal(response.status, 503)
  assert.match(await response.text(), /"SHUTTING_DOWN"/)
})

test('a client that never reads does not hold up stopping', async (t) => {
  const bridge = await startBridge(t, {
    gateways: [
      async function* () {
        for (let seq = 0; ; seq++) yield { seq, tokenIds: [seq], text: 'x'.repeat(1000) }
      }
    ]
  })
  const { response } = await openStream(bridge)
  response.on('error', () => {}) // it is cut off
  await bridge.bridge.stop()
})

test('a taken port says which and how to choose another, and leaves nothing behind', async (t) => {
  const topicKey = await startDht(t)
  const port = await takePort(t)
  const bridge = createHttpBridge({
    join: (router) =>
      new Mesh({
        dht: createDht(topicKey),
        ...memberOf(topicKey, 'bridge'),
        router,
        lookupMs: 200,
        log: silentLogger()
      }),
    self: { host: 'test', version: '0' },
    host: '127.0.0.1',
    port,
    metrics: createMetrics(),
    log: silentLogger()
  })
  await assert.rejects(bridge.start(), (error: Error & { code: string }) => {
    assert.equal(error.code, 'PORT_IN_USE')
    assert.match(error.message, new RegExp(`127.0.0.1:${port} is taken.*--port or PORT`))
    return true
  })
  await bridge.stop()
})

const waitFor = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
