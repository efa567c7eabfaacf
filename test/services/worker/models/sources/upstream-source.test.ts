/** A server whose models come, go and load, from before its start to after its end. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { HeldModels } from '../../../../../services/worker/models/held-models.ts'
import { ModelLoader } from '../../../../../services/worker/models/model-loader.ts'
import {
  UpstreamModels,
  type UpstreamOptions
} from '../../../../../services/worker/models/sources/upstream-source.ts'
import { until } from '../../../../helpers/until.ts'

interface ListServer {
  url: string
  port: number
  /** What it answers: a list of models, or a status. */
  says: string[] | number
}

async function listServer(t: TestContext, says: ListServer['says'], port = 0): Promise<ListServer> {
  const state: ListServer = { url: '', port, says }
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('data: {"choices":[{"text":"x","finish_reason":"stop"}]}\n\n')
    } else if (typeof state.says === 'number') {
      const body = JSON.stringify({ error: { message: 'Loading model' } })
      response.writeHead(state.says).end(body)
    } else response.end(JSON.stringify({ data: state.says.map((id) => ({ id })) }))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  state.port = (server.address() as AddressInfo).port
  state.url = `http://127.0.0.1:${state.port}/v1`
  return state
}

const patience = { goneMs: 30_000, loadingMs: 30_000 }
const namesOf = async (url: string, options: UpstreamOptions) =>
  (await new UpstreamModels(url, options).discover()).map(({ name }) => name)

test('a server that is loading, or behind a proxy that fails, is waited for', async (t) => {
  for (const status of [503, 502, 429, 504]) {
    const server = await listServer(t, status)
    const notes: string[] = []
    const onNote = (note: string) => {
      notes.push(note)
      server.says = ['m0']
    }
    assert.deepEqual(await namesOf(server.url, { patience, onNote }), ['m0'])
    assert.match(notes[0]!, /(Loading model|HTTP \d+): waiting for it/)
    assert.equal(notes.length, 1)
    server.says = status
    assert.deepEqual(await namesOf(server.url, { models: ['m0'] }), ['m0'], 'it is named')
    await assert.rejects(namesOf(server.url, {}))
  }
})

test('a server that is not there yet, or has no model yet, is waited for', async (t) => {
  const { url, port } = await listServer(t, [])
  const reserved = await listServer(t, ['m1'])
  assert.notEqual(reserved.port, port)
  const notes: string[] = []
  const server = createServer((_, response) => response.end('{"data":[{"id":"late"}]}'))
  t.after(() => void server.close())
  const onNote = (note: string) => {
    notes.push(note)
    server.listen(1 + port, '127.0.0.1').on('error', () => {})
  }
  const gone = url.replace(String(port), String(1 + port))
  assert.deepEqual(await namesOf(gone, { patience, onNote }), ['late'])
  assert.match(notes[0]!, /cannot be reached \(ECONNREFUSED\): waiting for it/)
  const limited = { patience: { goneMs: 30, loadingMs: 30 } }
  await assert.rejects(namesOf(url, limited), /has no model yet/)
})

test('a wrong key is not waited for, named or not', async (t) => {
  const server = await listServer(t, 401)
  for (const models of [undefined, ['m0']]) {
    const options = { patience, ...(models === undefined ? {} : { models }) }
    await assert.rejects(namesOf(server.url, options), /wants an API key/)
  }
})

test('new models of a server are loaded, and those that are gone leave', async (t) => {
  const server = await listServer(t, ['m0', 'm1'])
  const upstream = new UpstreamModels(server.url, { lookMs: 20, retry: { firstMs: 10, maxMs: 20 } })
  const pinned = await upstream.discover()
  const models = new HeldModels({ pinned, onDemand: [], onChange: () => {} })
  const loader = new ModelLoader({ models: models.all, budget: () => assert.fail() })
  t.after(() => loader.stop())
  await loader.loadPinned()
  const lost: string[] = []
  using _ = upstream.watch({
    add: (source) => void loader.load(models.add(source)!),
    lose: (name, error, forGood) => {
      lost.push(error.message)
      loader.lose(models.named(name)!, error)
      if (forGood) models.remove(models.named(name)!)
    }
  })
  const ready = () =>
    models.all.filter(({ state }) => state.kind === 'ready').map(({ name }) => name)
  assert.deepEqual(ready(), ['m0', 'm1'])
  server.says = ['m1', 'm2']
  await until(() => ready().join() === 'm1,m2')
  assert.match(lost[0]!, /no longer has m0/)
  server.says = 503
  await until(() => lost.length === 1, 200)
  server.says = ['m0', 'm1', 'm2']
  await until(() => ready().join() === 'm1,m2,m0')
  assert.equal(lost.length, 1)
})

test('a named model that is gone fails, and is ready again when it is back', async (t) => {
  const server = await listServer(t, ['m0', 'm1'])
  const options = { models: ['m0'], lookMs: 20, retry: { firstMs: 10, maxMs: 20 } }
  const upstream = new UpstreamModels(server.url, options)
  const models = new HeldModels({
    pinned: await upstream.discover(),
    onDemand: [],
    onChange: () => {}
  })
  const loader = new ModelLoader({ models: models.all, budget: () => assert.fail() })
  t.after(() => loader.stop())
  await loader.loadPinned()
  using _ = upstream.watch({
    add: () => assert.fail('nobody asked for it'),
    lose: (name, error, forGood) => {
      assert.ok(!forGood)
      loader.lose(models.named(name)!, error)
    }
  })
  server.says = ['m1']
  await until(() => models.all[0]!.state.kind === 'failed')
  assert.match(models.all[0]!.describe().error ?? '', /no longer has m0/)
  server.says = ['m0']
  await until(() => models.all[0]!.state.kind === 'ready')
})
