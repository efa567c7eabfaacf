/**
 * A real model on two machines, and the one that serves is killed, or its model's process hangs:
 * the text is that of an undisturbed run. HAIF_SOAK=1: 40 moves; HAIF_SEED repeats a run.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import type { Readiness } from '#shared/contracts/peers/peers.ts'
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import { createContext } from '#shared/rpc/context.ts'
import { modelArgument } from '../../services/worker/models/sources/model-uri.ts'
import { writeRandomModel } from '../../tools/haif-tiny/gguf/random-model.ts'
import { temporaryHome } from '../helpers/cli.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { seededRandom } from '../helpers/random.ts'
import type { ServiceProcess } from '../helpers/mesh/service-process.ts'
import { until } from '../helpers/until.ts'
import { startWorkerProcess } from '../helpers/mesh/worker-process.ts'
import { requestOf } from '../helpers/requests.ts'
import { patience } from '../helpers/deadline.ts'

/** Answers that have to move to the other worker; few, as each kill costs a process. */
const MOVES = process.env['HAIF_SOAK'] === undefined ? 2 : 40
/** An answer that was under way as a whole when its worker was killed does not move. */
const TRIES_MAX = MOVES * 4
const SILENCE_MS_MAX = 4000
const TOKENS = 60
const PROMPTS = ['What is HAIF?', 'What is a worker?', 'What is a mesh?', 'Tell me about tokens.']

interface Answer {
  text: string
  tokens: number
  attempts: number
  silenceMs: number
}

test('kill -9 of the serving worker: the answer is exactly that of an undisturbed run', async (t) => {
  const random = seededRandom()
  t.diagnostic(`HAIF_SEED=${random.seed}`)
  const mesh = await startMesh(t, { workers: [] })
  const herd = new Herd(t, mesh)
  await herd.fill()
  const undisturbed = new Map<string, Answer>()
  for (const prompt of PROMPTS) undisturbed.set(prompt, await ask(mesh, prompt))
  let longest = 0
  let moved = 0
  let tries = 0
  for (; moved < MOVES && tries < TRIES_MAX; tries++) {
    await herd.fill()
    const prompt = random.pick(PROMPTS)
    const expected = undisturbed.get(prompt)!
    const strikeAt = random.between(1, Math.ceil(expected.tokens / 2))
    const answer = await ask(mesh, prompt, (tokens) => {
      if (tokens >= strikeAt) herd.strike()
    })
    assert.equal(answer.text, expected.text)
    assert.equal(answer.tokens, expected.tokens)
    longest = Math.max(longest, answer.silenceMs)
    if (answer.attempts > 1) moved++
  }
  t.diagnostic(`${moved} of ${tries} answers moved; longest silence ${Math.round(longest)} ms`)
  assert.equal(moved, MOVES)
  assert.ok(longest <= patience(SILENCE_MS_MAX))

  await herd.fill()
  const [prompt] = PROMPTS
  const expected = undisturbed.get(prompt!)!
  for (let i = 0; i < TRIES_MAX && herd.stopped === null; i++) {
    const answer = await ask(mesh, prompt!, () => herd.hang())
    assert.equal(answer.text, expected.text)
    assert.equal(answer.tokens, expected.tokens)
  }
  assert.notEqual(herd.stopped, null, 'no model hung while it answered')
  herd.leaveHanging()
  await until(async () => hangsBecause(await mesh.readiness()))
  await mesh.ready()
  const after = await ask(mesh, prompt!)
  assert.equal(after.text, expected.text)
})

test('two workers with one name and different files: it is told, and each request is answered', async (t) => {
  const folder = temporaryHome(t)
  const mesh = await startMesh(t, { workers: [] })
  for (const [name, chatTemplate] of [
    ['with', undefined],
    ['without', null]
  ] as const) {
    const file = join(folder, `${name}.gguf`)
    writeRandomModel(file, chatTemplate === null ? { chatTemplate } : {})
    const gpu = async () => ({ gpu: false }) as const
    await mesh.addWorker([modelArgument(`m=${file}`, { folder, gpu })])
  }
  await mesh.ready()
  await until(async () => (await mesh.readiness()).warnings?.length === 1)
  const [warning] = (await mesh.readiness()).warnings!
  assert.match(warning!, /different models under the name m \(different files on/)
  for (let i = 0; i < 6; i++) {
    const content = `question ${i}`
    const { end } = await mesh.infer({
      model: 'm',
      input: { mode: 'chat', messages: [{ role: 'user', content }] },
      maxTokens: 3
    })
    assert.equal(end.usage.completionTokens, 3)
  }
})

/** Two workers, of which one at a time is killed. */
class Herd {
  readonly #t: TestContext
  readonly #mesh: TestMesh
  readonly #workers = new Map<string, ServiceProcess>() // by peer key
  #struck = false
  /** The process of a model that hangs. */
  stopped: number | null = null

  constructor(t: TestContext, mesh: TestMesh) {
    this.#t = t
    this.#mesh = mesh
  }

  /** Waits until both are there and ready. */
  async fill(): Promise<void> {
    this.#struck = false
    while (this.#workers.size < 2) {
      const worker = await startWorkerProcess(this.#t, this.#mesh, 'builtin')
      this.#workers.set((await worker.up).peer, worker)
    }
    await until(() => this.#links().length === 2)
    // A worker is up before its model is loaded, and could not go on for the other one yet.
    const workers = [...this.#workers.values()]
    await until(() => workers.every(({ said }) => said.includes('model is ready')), 60_000)
    await this.#mesh.ready()
  }

  /** Kills the one that serves, once; none does when the whole answer is under way already. */
  strike(): void {
    const serving = this.#links().find(({ openStreams }) => openStreams > 0)
    if (this.#struck || serving === undefined) return
    this.#workers.get(serving.peer.key)!.kill('SIGKILL')
    this.#workers.delete(serving.peer.key)
    this.#struck = true
  }

  /** Stops the model's process of the worker that serves, once. */
  hang(): void {
    const serving = this.#links().find(({ openStreams }) => openStreams > 0)
    if (this.stopped !== null || serving === undefined) return
    this.stopped = childOf(this.#workers.get(serving.peer.key)!.pid)
    process.kill(this.stopped, 'SIGSTOP')
  }

  /** Kills the other worker. */
  leaveHanging(): void {
    for (const [key, worker] of this.#workers) {
      if (childOf(worker.pid) === this.stopped) continue
      worker.kill('SIGKILL')
      this.#workers.delete(key)
    }
  }

  #links() {
    const orchestrator = this.#mesh.meshes.find(({ role }) => role === 'orchestrator')!
    return orchestrator.links('worker').filter(({ peer }) => this.#workers.has(peer.key))
  }
}

const hangsBecause = ({ reason = '' }: Readiness): boolean =>
  /: .*it has not answered for/.test(reason)

const childOf = (pid: number): number =>
  Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }))

async function ask(
  mesh: TestMesh,
  prompt: string,
  onTokens: (tokens: number) => void = () => {}
): Promise<Answer> {
  using context = createContext({ timeoutMs: patience(30_000) })
  const request = requestOf({
    input: { mode: 'chat', messages: [{ role: 'user', content: prompt }] },
    maxTokens: TOKENS,
    sampling: { temperature: 0 }
  })
  const stream = inferThrough(await mesh.client(), gatewayInfer, request, context)
  let [text, tokens, silenceMs] = ['', 0, 0]
  for (let heardAt = NaN; ;) {
    const { done, value } = await stream.next()
    if (done === true) return { text, tokens, silenceMs, attempts: value.attempts ?? 1 }
    const now = performance.now()
    if (!Number.isNaN(heardAt)) silenceMs = Math.max(silenceMs, now - heardAt)
    heardAt = now
    text += value.text
    tokens += value.tokenIds.length
    onTokens(tokens)
  }
}
