/**
 * A worker's answers to orchestrators: from which model, in which order, and what is left after
 * them.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { AttemptRequest } from '#shared/contracts/inference/request.ts'
import { HeldModels } from '../../../../services/worker/models/held-models.ts'
import { ModelLoader } from '../../../../services/worker/models/model-loader.ts'
import { modelSource } from '../../../../services/worker/models/sources/model-uri.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { Receipts } from '../../../../services/worker/requests/receipts.ts'
import { signedBy } from '../../../helpers/peers/signed-by.ts'
import { RunningRequests } from '../../../../services/worker/requests/running-requests.ts'
import { ServedRequests } from '../../../../services/worker/requests/served-requests.ts'
import { requestOf, type FlatRequest } from '../../../helpers/requests.ts'

const FAST = 'sim:m?decode=inf&prefill=inf'

const request = (more: FlatRequest = {}): AttemptRequest =>
  requestOf({ model: 'm', maxTokens: 4, ...more })

interface Setup {
  pinned?: string[]
  onDemand?: string[]
}

async function serve(t: TestContext, { pinned = [], onDemand = [] }: Setup) {
  const sourceOf = (uri: string) => modelSource(uri, { folder: '/nowhere' })
  const models = new HeldModels({
    pinned: pinned.map(sourceOf),
    onDemand: onDemand.map(sourceOf),
    onChange: () => {}
  })
  const budget = async () => ({ ramBytes: Infinity, vramBytes: Infinity, strict: false })
  const loader = new ModelLoader({ models: models.all, budget })
  t.after(() => loader.stop())
  await loader.loadPinned()
  const running = new RunningRequests()
  const keyPair = temporaryIdentity()
  const signer = { key: keyPair.publicKey.toString('hex'), sign: signedBy(keyPair) }
  const receipts = new Receipts(
    () => signer,
    () => 1000
  )
  const requests = new ServedRequests({ models, loader, running, receipts })
  return { requests, running, model: models.named('m')! }
}

/** The context of a request from the peer `orchestrator`. */
function contextOf() {
  const controller = new AbortController()
  const peer = { key: 'orchestrator', role: 'orchestrator' as const }
  const abort = (why: Error) => controller.abort(why)
  return { peer, requestId: 'r1', signal: controller.signal, abort }
}

async function read(answer: ReturnType<ServedRequests['infer']>) {
  const items: InferenceItem[] = []
  for (;;) {
    const { done, value } = await answer.next()
    if (done === true) return { items, end: value }
    items.push(value)
  }
}

test('tokens are numbered, and the first item names the file', async (t) => {
  const { requests, model } = await serve(t, { pinned: [FAST] })
  const { items, end } = await read(requests.infer(request(), contextOf()))
  assert.equal(items[0]!.digest, model.ready().loaded.digest)
  assert.equal(items[0]!.model, model.source.name)
  let seq = 0
  for (const [i, item] of items.entries()) {
    assert.equal(item.seq, seq)
    if (i > 0) assert.equal(item.digest, undefined)
    seq += item.tokenIds.length
  }
  assert.equal(seq, 4)
  assert.deepEqual([end.model, end.provider], ['m', 'sim'])
})

test('an answer that is resumed is numbered after what was sent before', async (t) => {
  const { requests, model } = await serve(t, { pinned: [FAST] })
  const { digest } = model.ready().loaded
  const whole = await read(requests.infer(request(), contextOf()))
  const tokenIds = whole.items.flatMap((item) => item.tokenIds)
  const text = whole.items.map((item) => item.text).join('')
  const sent = { tokenIds: tokenIds.slice(0, 3), text: text.slice(0, 3), digest }
  const rest = await read(requests.infer(request({ sent }), contextOf()))
  assert.equal(rest.items[0]!.seq, 3)
  assert.deepEqual(
    rest.items.flatMap((item) => item.tokenIds),
    tokenIds.slice(3)
  )
})

test('a model that is not held is MODEL_NOT_FOUND', async (t) => {
  const { requests } = await serve(t, { pinned: [FAST] })
  const answer = requests.infer(request({ model: 'other' }), contextOf())
  await assert.rejects(answer.next(), { code: 'MODEL_NOT_FOUND' })
})

test('while a model loads, the request hears how far it is', async (t) => {
  const { requests } = await serve(t, { onDemand: [`${FAST}&load=20`] })
  const { items } = await read(requests.infer(request(), contextOf()))
  const [first, ...others] = items
  assert.ok(first!.queued!.waitMs > 0)
  assert.deepEqual([first!.seq, first!.tokenIds, first!.queued!.ahead], [0, [], 0])
  assert.equal(others[0]!.seq, 0)
})

test('H5: whatever ends a request, it is no user of its model any more', async (t) => {
  const { requests, model } = await serve(t, { onDemand: [FAST] })
  const used = async (work: () => Promise<unknown>) => {
    await work()
    assert.ok(!model.hasUsers)
  }
  await used(() => read(requests.infer(request(), contextOf())))
  await used(async () => {
    const answer = requests.infer(request({ stop: ['x'] }), contextOf())
    await assert.rejects(read(answer), {
      code: 'UNSUPPORTED_PARAMETER',
      details: { param: 'stop' }
    })
  })
  await used(async () => {
    const answer = requests.infer(request(), contextOf())
    await answer.next()
    assert.ok(model.hasUsers)
    assert.equal(model.describe('orchestrator').yours, 1)
    await answer.return(undefined as never)
  })
  await used(async () => {
    const context = contextOf()
    const answer = requests.infer(request(), context)
    await answer.next()
    context.abort(new Error('the caller has left'))
    await assert.rejects(read(answer), /the caller has left/)
  })
  await used(async () => {
    const embed = requests.embed({ asked: { model: 'm', inputs: ['x'] } }, contextOf())
    await assert.rejects(embed, { code: 'UNSUPPORTED_PARAMETER', details: { param: 'model' } })
  })
})

test('a worker that drains serves nothing new, and ends what takes too long', async (t) => {
  const { requests, running, model } = await serve(t, { pinned: ['sim:m?decode=1'] })
  const answer = read(requests.infer(request(), contextOf()))
  const ended = assert.rejects(answer, { code: 'SHUTTING_DOWN', message: /before the answer was/ })
  await running.drain(10)
  await ended
  assert.ok(!model.hasUsers)
  const late = requests.infer(request(), contextOf())
  await assert.rejects(late.next(), { code: 'SHUTTING_DOWN', message: /is stopping/ })
})
