/** What a request holds of limits and budgets is given back, whatever becomes of it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { EmbedReply } from '#shared/contracts/inference/embedding.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import { HaifError } from '#shared/errors.ts'
import { silentLogger, type Logger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { Callers } from '../../../services/gateway/admit.ts'
import { ANONYMOUS } from '../../../services/gateway/access/principal.ts'
import { Tickets } from '../../../services/gateway/access/tickets.ts'
import { Permits } from '../../../services/gateway/permits.ts'
import { countAdmitted } from '../../../services/gateway/count.ts'
import { embedAdmitted } from '../../../services/gateway/embeddings.ts'
import { inferAdmitted, type AdmittedDeps } from '../../../services/gateway/inference.ts'
import type { UsageRecorder, UsageRow } from '../../../services/gateway/usage/usage-row.ts'
import { SpoolClient } from '../../../services/gateway/usage/spool-client.ts'
import { UsageWriter } from '../../../services/gateway/usage/usage-writer.ts'
import { requestOf, type FlatRequest } from '../../helpers/requests.ts'
import { seriesIn, valueOf } from '../../helpers/mesh/live-metrics.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { NO_SMALL_DISK, smallDisk } from '../../helpers/stores/small-disk.ts'
import { until } from '../../helpers/until.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })

const END: InferenceEnd = {
  finishReason: 'stop',
  usage: { promptTokens: 3, cachedPromptTokens: 0, completionTokens: 2 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
  model: 'sim',
  provider: 'sim'
}
const VECTORS: EmbedReply = { model: 'sim', provider: 'sim', vectors: [''], promptTokens: 4 }

const batch = (tokens: number) =>
  ItemBatch.of(itemCodec, [
    { seq: 0, tokenIds: Array.from({ length: tokens }, () => 1), text: 'a' }
  ])

interface Answer {
  /** Tokens of each batch. */
  batches?: number[]
  failure?: Error
}

function setUp(usage: UsageRecorder | null, { batches = [1, 1], failure }: Answer = {}) {
  const left: number[] = []
  const callers = new Callers({
    usage,
    access: {
      authenticate: async () => ANONYMOUS,
      onBehalf: () => Promise.reject(new Error('no job asks')),
      limitsOf: () => ({}),
      cacheScopeOf: () => 'a'.repeat(32),
      keepsPrompts: () => false,
      tickets: new Tickets(randomBytes(32), Date.now),
      admission: {
        admit: async ({ model, maxTokens }) => ({
          model,
          maxTokens,
          priority: undefined,
          weight: undefined,
          limits: undefined,
          leave: (used) => void left.push(used)
        })
      }
    }
  })
  const orchestrators = {
    async *batches() {
      for (const tokens of batches) yield batch(tokens)
      if (failure !== undefined) throw failure
      return END
    },
    async call() {
      if (failure !== undefined) throw failure
      return VECTORS
    }
  } as unknown as AdmittedDeps['orchestrators']
  const permits = new Permits({ sign: () => Buffer.alloc(64) })
  return { left, deps: { callers, orchestrators, permits } }
}

const own = createContext({ timeoutMs: 60_000 })
const context: ServerContext = { ...own, peer: { key: 'ab'.repeat(32), role: 'bridge' } }
after(() => own[Symbol.dispose]())

const infer = (deps: AdmittedDeps, request: FlatRequest = {}) =>
  inferAdmitted(deps, requestOf({ prompt: 'twelve chars', maxTokens: 10, ...request }), context)

const embed = (deps: AdmittedDeps) =>
  embedAdmitted(deps, { asked: { inputs: ['twelve chars'] }, charge: {} }, context)

async function endOf(stream: ReturnType<typeof infer>): Promise<InferenceEnd> {
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return value
  }
}

function rows() {
  const written: UsageRow[] = []
  return { written, record: (row: UsageRow) => void written.push(row) }
}

function lines() {
  const logged: string[] = []
  const note = (_fields: unknown, message: string) => void logged.push(message)
  return { logged, log: { ...silentLogger(), error: note, info: note } as unknown as Logger }
}

async function lost(): Promise<number> {
  const series = seriesIn(await metrics.render())
  return valueOf(series, 'haif_usage_dropped_total', { reason: 'disk' }) ?? 0
}

test(
  'a full disk costs no caller its answer or its place, and no row',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const { logged, log } = lines()
    const disk = smallDisk(t, 1)
    const spool = new SpoolClient(join(disk.folder, 'usage.sqlite'), 10_000)
    const usage = new UsageWriter({ store: {} as Store, spool, log }) // it is never started
    atEnd(t, async () => spool.close())
    disk.fill()
    const before = await lost()
    const { left, deps } = setUp(usage)
    assert.deepEqual(await endOf(infer(deps)), END)
    assert.deepEqual(await embed(deps), VECTORS)
    assert.deepEqual(left, [5, 4])
    assert.equal(await lost(), before)
    const [said, ...more] = logged
    assert.match(said!, /cannot be written to the disk of this machine, and waits in memory/)
    assert.deepEqual(more, [])
    assert.match(usage.health().warnings![0]!, /the spool of usage has no more room .*make room/)
    disk.empty()
    await until(async () => {
      await embed(deps)
      return usage.health().warnings!.length === 0
    })
    assert.equal(await lost(), before)
    assert.ok(spool.length > 0)
  }
)

test('a recorder that throws keeps no place and no budget', async () => {
  const { left, deps } = setUp({
    record: () => {
      throw new Error('database or disk is full')
    }
  })
  await assert.rejects(endOf(infer(deps)))
  await assert.rejects(embed(deps))
  assert.deepEqual(left, [5, 4])
})

test('a count of a prompt gives back its place, costs no tokens and stands in no books', async () => {
  const usage = rows()
  const { left, deps } = setUp(usage)
  const asked = { input: { mode: 'direct', prompt: 'hi' }, maxTokens: 1, sampling: {} } as const
  await countAdmitted(deps, { asked, charge: {} }, context)
  const failing = setUp(usage, { failure: new HaifError('NO_ELIGIBLE_WORKER', 'none') })
  await assert.rejects(countAdmitted(failing.deps, { asked, charge: {} }, context))
  assert.deepEqual([left, failing.left, usage.written], [[0], [0], []])
})

test('a request that fails before its first token has used nothing', async () => {
  const failure = new HaifError('MODEL_NOT_FOUND', 'no worker has it')
  const usage = rows()
  const { left, deps } = setUp(usage, { batches: [], failure })
  await assert.rejects(endOf(infer(deps)), { code: 'MODEL_NOT_FOUND' })
  await assert.rejects(embed(deps), { code: 'MODEL_NOT_FOUND' })
  assert.deepEqual(left, [0, 0])
  const codes = usage.written.map(({ kind, error_code }) => [kind, error_code])
  assert.deepEqual(codes, [
    ['infer', 'MODEL_NOT_FOUND'],
    ['embed', 'MODEL_NOT_FOUND']
  ])
})

test('an answer that breaks off costs its prompt and what was passed on', async () => {
  const usage = rows()
  const { left, deps } = setUp(usage, {
    batches: [2, 3],
    failure: new HaifError('WORKER_LOST', 'the worker is gone')
  })
  await assert.rejects(endOf(infer(deps)), { code: 'WORKER_LOST' })
  assert.deepEqual(left, [3 + 5]) // twelve characters are about three tokens
  assert.deepEqual(usage.written[0]!.completion_tokens, 5)
})

test('a caller that leaves has used what it was sent, and is in the books as cancelled', async () => {
  const usage = rows()
  const { left, deps } = setUp(usage, { batches: [2, 3, 4] })
  for await (const _ of infer(deps)) break
  assert.deepEqual(left, [3 + 2])
  const [row] = usage.written
  assert.deepEqual([row!.error_code, row!.completion_tokens], ['CANCELLED', 2])
})

test('the rest of an answer costs only what was passed on here', async () => {
  const usage = rows()
  const { left, deps } = setUp(usage, { batches: [2, 3, 4] })
  const sent = { tokenIds: [1, 2, 3, 4, 5, 6, 7], text: 'so far' }
  for await (const _ of infer(deps, { sent })) break
  assert.deepEqual(left, [3 + 2])
  assert.equal(usage.written[0]!.completion_tokens, 2)
})

test('a repeated answer is in the books and costs nothing', async () => {
  const { left, deps } = setUp(rows())
  const { orchestrators } = deps
  const repeated = {
    ...orchestrators,
    async *batches() {
      yield batch(2)
      return { ...END, repeated: true }
    }
  } as unknown as AdmittedDeps['orchestrators']
  await endOf(infer({ ...deps, orchestrators: repeated }))
  assert.deepEqual(left, [0])
})
