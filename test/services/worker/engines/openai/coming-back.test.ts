/** Which models a server brings, and what becomes of them while it is away. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { discoverUpstream } from '../../../../../services/worker/models/sources/upstream-source.ts'
import { HeldModel } from '../../../../../services/worker/models/held-model.ts'
import { ModelLoader } from '../../../../../services/worker/models/model-loader.ts'
import { temporaryHome } from '../../../../helpers/cli.ts'
import { until } from '../../../../helpers/until.ts'
import { LlamaServerLike } from '../../../../helpers/upstreams/llama-server-like.ts'
import { startUpstream, TEST_TIMEOUTS, type Cleanup } from '../../../../helpers/upstreams/start.ts'
import { answer, direct } from '../engine-conformance.ts'

const retry = { firstMs: 10, maxMs: 50 }
const options = { retry, timeouts: TEST_TIMEOUTS }
const request: Asked = { ...direct('hello'), model: 'tiny' }
const NOBODY = 'http://127.0.0.1:1/v1'

suite('discovery', () => {
  test('finds every model, or the chosen ones', async (t) => {
    const upstream = await startUpstream(t, 'vLLM', { model: 'org/model' })
    const names = async (models?: string[]) =>
      (await discoverUpstream(upstream.url, models === undefined ? {} : { models })).map(
        ({ name, engine }) => [name, engine]
      )
    assert.deepEqual(await names(), [['org/model', 'openai']])
    assert.deepEqual(await names(['org/model', 'org/model']), [['org/model', 'openai']])
    await assert.rejects(names(['other']), /no model other; it has org\/model/)
    const root = upstream.url.replace(/\/v1$/, '')
    for (const url of [root, `${root}/`, `${root}/v1/`]) {
      assert.equal((await discoverUpstream(url)).length, 1)
    }
  })

  test('says what is wrong with an address, a key or an absent server', async (t) => {
    for (const url of [
      '',
      'localhost:8000',
      'ftp://x/v1',
      'http://u:p@x/v1',
      'http://x/v1?key=1'
    ]) {
      await assert.rejects(discoverUpstream(url), { code: 'CONFIG_INVALID' }, url)
    }
    await assert.rejects(discoverUpstream(NOBODY), /127\.0\.0\.1:1 cannot be reached/)
    const keyFile = join(temporaryHome(t), 'none')
    await assert.rejects(discoverUpstream(NOBODY, { keyFile }), /none cannot be read/)
    const guarded = await startUpstream(t, 'vLLM', { key: 'secret' })
    await assert.rejects(discoverUpstream(guarded.url), /wants an API key: .*--upstream-key-file/)
  })
})

async function hold(t: Cleanup, url: string) {
  const [source] = await discoverUpstream(url, { ...options, models: ['tiny'] })
  const changes: string[] = []
  const held: HeldModel = new HeldModel({
    source: source!,
    onChange: () => changes.push(held.describe().state)
  })
  const loader = new ModelLoader({
    models: [held],
    budget: () => assert.fail('it takes no memory')
  })
  t.after(() => loader.stop())
  await loader.loadPinned()
  changes.length = 0
  return { held, loader, changes }
}

suite('a held model', () => {
  test('fails while its server is away, and is ready again with it', async (t) => {
    const upstream = await startUpstream(t, 'llama-server')
    const { held, changes } = await hold(t, upstream.url)
    const engine = held.ready().engine
    await answer(engine, request)
    await upstream.down()
    await assert.rejects(answer(engine, request), { code: 'ENGINE_FAILED' })
    await until(() => held.describe().state === 'failed')
    const { error = '', slots } = held.describe()
    assert.match(error, /cannot be reached \(ECONNREFUSED\)/)
    assert.equal(slots, 0)
    assert.throws(() => held.ready().engine, { code: 'MODEL_LOAD_FAILED' })
    await upstream.up()
    await until(() => held.describe().state === 'ready')
    await answer(held.ready().engine, request)
    assert.deepEqual(changes, ['failed', 'ready'])
  })

  test('notices without a request that its server is gone', async (t) => {
    const noticed = (['vLLM', 'llama-server'] as const).map(async (server) => {
      const upstream = await startUpstream(t, server)
      const { held } = await hold(t, upstream.url)
      await upstream.down()
      await until(() => held.describe().state === 'failed')
    })
    await Promise.all(noticed)
  })

  test('stays ready on a server that has no metrics', async (t) => {
    const upstream = new LlamaServerLike()
    upstream.hasMetrics = false
    await upstream.up()
    t.after(() => upstream.down())
    const { held, changes } = await hold(t, upstream.url)
    await until(() => upstream.looks.filter((path) => path === '/v1/models').length > 4)
    assert.equal(held.describe().state, 'ready')
    assert.deepEqual(changes, [])
    assert.equal(upstream.looks.filter((path) => path === '/metrics').length, 1)
  })

  test('may be there before its server', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    await upstream.down()
    const { held } = await hold(t, upstream.url)
    assert.equal(held.describe().state, 'failed')
    await upstream.up()
    await until(() => held.describe().state === 'ready')
  })

  test('is not ready again because the server lists it, but because it answers', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const { held } = await hold(t, upstream.url)
    for (let i = 0; i < 9; i++) upstream.faults.push({ kind: 'status', status: 500 })
    for (let i = 0; i < 3; i++) {
      await assert.rejects(answer(held.ready().engine, request), { code: 'ENGINE_FAILED' })
    }
    await until(() => held.describe().state === 'failed')
    await until(() => held.describe().state === 'ready')
    assert.deepEqual(upstream.faults, [], 'it was asked until it answered')
    assert.equal(upstream.requests.at(-1)!.body.max_tokens, 1)
  })

  test('closed while its server is away is not tried again', async (t) => {
    const { held, loader } = await hold(t, NOBODY)
    await loader.stop()
    assert.equal(held.describe().state, 'failed')
  })
})
