/**
 * A worker whose owner runs other code than ours, with a certificate of its own: whatever it sends,
 * no process of the mesh grows by more than 64 MB, and the others are served. Every service is a
 * process of its own here, and their memory is what Linux says, so it takes a while:
 * `HAIF_SOAK=1`.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { report, type PeerReport, type WorkerModel } from '#shared/contracts/peers/peers.ts'
import { HELLO_METHOD } from '#shared/mesh/connection/hello.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import { FrameType } from '#shared/rpc/frames.ts'
import { Router } from '#shared/rpc/router.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { memberOf } from '../helpers/peers/member.ts'
import { dialRaw, type RawPeer } from '../helpers/peers/peer-raw.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { until } from '../helpers/until.ts'

const IS_SOAK = process.env['HAIF_SOAK'] !== undefined
const GROWTH_MB_MAX = 64
const SAMPLE_MS = 50
/** Services as `Deployment` starts them. */
const [REGISTRY, ORCHESTRATOR] = [0, 1]
const NAMES = ['registry', 'orchestrator', 'gateway', 'bridge']

const EVIL: WorkerModel = {
  name: 'evil',
  state: 'ready',
  engine: 'llama',
  slots: 64,
  running: 0,
  waiting: 0,
  prefillTokensPerSecond: 1e8,
  decodeTokensPerSecond: 1e8,
  digest: 'a'.repeat(64),
  contextTokens: 4096
}
const evil = (models: WorkerModel[] = [EVIL]): PeerReport => ({
  host: 'evil',
  version: '1',
  worker: { models, draining: false }
})

type Infer = Parameters<Router['serve']>[1]

class Attack {
  readonly deployment: Deployment
  readonly #base: number[]
  #peaks: number[]
  readonly #timer: NodeJS.Timeout

  constructor(deployment: Deployment) {
    this.deployment = deployment
    this.#base = this.#rss()
    this.#peaks = this.#base
    this.#timer = setInterval(() => {
      this.#peaks = this.#rss().map((now, i) => Math.max(now, this.#peaks[i]!))
    }, SAMPLE_MS)
  }

  #rss(): number[] {
    return NAMES.map((_, i) => rssOf(this.deployment.services[i]!.pid))
  }

  /** Nobody has grown too much, and the mesh still answers. */
  async assertHeld(t: TestContext): Promise<void> {
    clearInterval(this.#timer)
    const grown = this.#peaks.map((peak, i) => Math.round(peak - this.#base[i]!))
    t.diagnostic(NAMES.map((name, i) => `${name} +${grown[i]} MB`).join(', '))
    for (const [i, growth] of grown.entries()) {
      assert.ok(growth <= GROWTH_MB_MAX, `${NAMES[i]} grew by ${growth} MB`)
    }
    assert.equal((await ask(this.deployment, 'sim')).status, 200)
    assert.equal((await fetch(`${this.deployment.url}/v1/models`)).status, 200)
  }
}

const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

const ask = ({ url }: Deployment, model: string, more: object = {}) =>
  fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, prompt: 'x', max_tokens: 8, ...more })
  })

async function startWorker(t: TestContext, { root }: Deployment, given: PeerReport, infer?: Infer) {
  const router = new Router()
  if (infer !== undefined) router.serve(workerInfer, infer as never)
  const log = silentLogger()
  const mesh = openMesh({ address: root, ...memberOf(root, 'worker'), router, log })
  atEnd(t, () => mesh.stop())
  await mesh.start()
  const tell = () => {
    for (const link of mesh.links()) {
      link.call(report, given, createContext({ timeoutMs: 3000 })).catch(() => {})
    }
  }
  mesh.on('link', tell)
  const timer = setInterval(tell, 500)
  atEnd(t, async () => clearInterval(timer))
  mesh.follow('orchestrator')
  mesh.follow('registry')
  await until(() => mesh.links().length === 2)
  return mesh
}

const callOf = (i: number): string =>
  JSON.stringify({ i, e: { requestId: 'r', deadlineMs: 60_000 }, v: evil([]) })

/** A certified worker that says what it likes; accepted, so that what follows is looked at. */
async function joinRaw(t: TestContext, deployment: Deployment, to: number): Promise<RawPeer> {
  const { root } = deployment
  const { peer } = await deployment.services[to]!.up
  const raw = await dialRaw(t, root, Buffer.from(peer, 'hex'))
  const answer = await raw.rpc.request(HELLO_METHOD, raw.helloOf(root.secret, 'worker'))
  assert.equal(answer[0], 1, answer.toString())
  raw.openStreams()
  raw.ready()
  const accepted = await raw.request('peer.report', JSON.parse(callOf(1)))
  assert.deepEqual(accepted, { ok: {} })
  return raw
}

test(
  'a hostile worker makes nobody large',
  { skip: !IS_SOAK || process.platform !== 'linux' },
  async (t) => {
    await using deployment = await Deployment.start(['sim'])
    for (let i = 0; i < 300; i++) await (await ask(deployment, 'sim')).text() // what a warm one has

    await t.test('F5: an answer without end', async (t) => {
      const text = 'A'.repeat(60_000)
      await startWorker(t, deployment, evil(), async function* () {
        for (let seq = 0; ; seq++) yield { seq, tokenIds: [1], text }
      })
      await until(async () => (await ask(deployment, 'evil')).status !== 404)
      const attack = new Attack(deployment)
      for (let i = 0; i < 20; i++) {
        const reply = await ask(deployment, 'evil', i % 2 === 0 ? {} : { max_tokens: 1_000_000 })
        const body = await reply.text()
        assert.ok(reply.status >= 500, `${reply.status} ${body.slice(0, 200)}`)
      }
      await attack.assertHeld(t)
    })

    await t.test('F5: an answer of nothing, and of loads, without end', async (t) => {
      const queued = { ahead: 0, waitMs: 0, loading: 0.5 }
      let asked = 0
      await startWorker(t, deployment, evil(), async function* () {
        const item = asked++ % 2 === 0 ? { queued } : {}
        for (;;) yield { seq: 0, tokenIds: [], text: '', ...item }
      })
      await until(async () => (await ask(deployment, 'evil')).status !== 404)
      const attack = new Attack(deployment)
      for (let i = 0; i < 10; i++) assert.ok((await ask(deployment, 'evil')).status >= 500)
      await attack.assertHeld(t)
    })

    await t.test('F9: reports as large as they may be, of 14 workers', async (t) => {
      const attack = new Attack(deployment)
      for (let w = 0; w < 14; w++) {
        const models = Array.from({ length: 64 }, (_, i) => {
          const name = `m${w}-${i}${'\u4e2d'.repeat(200)}`
          return { ...EVIL, name, state: 'failed' as const, error: '\u4e2d'.repeat(512) }
        })
        await startWorker(t, deployment, evil(models))
      }
      await sleep(3000)
      for (let i = 0; i < 20; i++)
        assert.equal((await fetch(`${deployment.url}/v1/models`)).status, 200)
      await attack.assertHeld(t)
    })

    for (const [name, body] of [
      ['F6: calls whose replies nobody reads', callOf],
      ['F7: four megabytes of brackets', () => '['.repeat(4 * 1024 * 1024 - 10)]
    ] as const) {
      for (const to of [REGISTRY, ORCHESTRATOR]) {
        await t.test(`${name}, to the ${NAMES[to]}`, async (t) => {
          const raw = await joinRaw(t, deployment, to)
          const attack = new Attack(deployment)
          if (name.startsWith('F6')) raw.stream.pause()
          let sent = 0
          const calls = name.startsWith('F6') ? 60_000 : 60
          for (let i = 0; i < calls && !raw.isClosed; i++) {
            const method = i % 2 === 0 ? 'peer.report' : 'registry.list'
            raw.rpc.request(method, Buffer.from(body(i + 2))).catch(() => {})
            sent++
            if (i % 500 === 499 || name.startsWith('F7')) await sleep(20)
          }
          await sleep(3000)
          t.diagnostic(`${sent} calls, connection ${raw.isClosed ? 'closed' : 'open'}`)
          await attack.assertHeld(t)
        })
      }
    }

    await t.test('F13: streams that are opened with all that a frame may hold', async (t) => {
      const raw = await joinRaw(t, deployment, ORCHESTRATOR)
      const attack = new Attack(deployment)
      const prompt = 'x'.repeat(3_900_000)
      const v = { asked: { input: { mode: 'direct', prompt }, maxTokens: 8, sampling: {} } }
      const e = { requestId: 'x', deadlineMs: 60_000 }
      const body = JSON.stringify({ m: 'orchestrator.infer', e, v })
      for (let id = 1; id <= 100 && !raw.isClosed; id++) {
        raw.send({ type: FrameType.open, id, body })
        await sleep(20)
      }
      await sleep(2000)
      t.diagnostic(`connection ${raw.isClosed ? 'closed' : 'open'}, ${raw.frames.length} frames`)
      await attack.assertHeld(t)
    })
  }
)
