/**
 * Two orchestrators, each a process of its own, that tell each other over Redis where prompts went.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { BLOCK_CHARACTERS } from '../../services/orchestrator/prefixes/prefix-index.ts'
import { TOKEN_CHARACTERS } from '#shared/inference/prompt-size.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { liveMetrics, valueOf } from '../helpers/mesh/live-metrics.ts'
import { atEnd, startPeer } from '../helpers/peers/peers.ts'
import { NO_REDIS, TestRedis } from '../helpers/stores/redis.ts'
import { startUp, type ServiceProcess } from '../helpers/mesh/service-process.ts'
import { until } from '../helpers/until.ts'
import { permitted, requestOf } from '../helpers/requests.ts'
import { patience } from '../helpers/deadline.ts'

const WORKERS = 3
const SLOTS = 2
/** Every worker, with a load of 0. */
const IDLE = Array<number>(WORKERS).fill(0).join()
/** At the same time they take every slot there is, so each worker has some. */
const CONVERSATIONS = WORKERS * SLOTS
const BLOCKS = 8
const PREFIX_TOKENS = (BLOCKS * BLOCK_CHARACTERS) / TOKEN_CHARACTERS

const prompt = (conversation: number, turn: number) =>
  `${conversation} `.padEnd(BLOCKS * BLOCK_CHARACTERS, `said in ${conversation}. `) +
  ` turn ${turn}`
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

test(
  'the next turn finds its cache through the other orchestrator, and is answered when Redis is dead',
  { skip: NO_REDIS },
  async (t) => {
    const redis = new TestRedis()
    atEnd(t, () => redis.stop())
    await redis.start()
    const env = { REDIS_URL: redis.url, LOG_LEVEL: 'debug' }
    const deployment = await Deployment.start([], env)
    atEnd(t, () => deployment[Symbol.asyncDispose]())
    const orchestrators = [deployment.services[1]!, deployment.addService('orchestrator', env)]
    for (const _ of range(WORKERS))
      deployment.addWorker(`sim?slots=${SLOTS}&prefill=1000&decode=inf&cache=100000`)
    const [one, other] = (await linksTo(t, deployment, orchestrators)) as [Way, Way]
    const [first, second] = orchestrators as [ServiceProcess, ServiceProcess]
    for (const each of orchestrators) {
      await until(async () => (await measured(each, 'haif_workers_ready')) === WORKERS)
    }

    const begun = (await Promise.all(range(CONVERSATIONS).map((i) => ask(one, prompt(i, 1))))).map(
      workerOf
    )
    assert.equal(new Set(begun).size, WORKERS) // so that chance alone does not find the right one
    await until(async () => (await hints(second, 'received')) >= CONVERSATIONS * BLOCKS)
    assert.equal(await hints(first, 'received'), 0) // neither its own nor what was sent on
    await until(async () => loads(await ask(other, 'short')).join() === IDLE)
    for (const i of range(CONVERSATIONS)) {
      const end = await ask(other, prompt(i, 2))
      assert.equal(workerOf(end), begun[i])
      for (const { worker, cachedTokens } of end.explanations![0]!.candidates) {
        assert.equal(cachedTokens, worker === begun[i] ? PREFIX_TOKENS : 0)
      }
      assert.ok(end.usage.cachedPromptTokens >= PREFIX_TOKENS)
    }

    await redis.kill()
    for (const i of range(CONVERSATIONS)) {
      for (const link of [one, other]) {
        assert.equal((await ask(link, prompt(i, 3))).finishReason, 'length')
      }
    }
    await ask(one, prompt(CONVERSATIONS, 1))
    await until(async () => (await hints(first, 'dropped')) >= BLOCKS)

    await redis.start()
    const before = await hints(first, 'received')
    let conversation = CONVERSATIONS
    await until(async () => {
      await ask(other, prompt(++conversation, 1))
      return (await hints(first, 'received')) > before
    })
  }
)

test(
  'the orchestrators of haif up listen to hints too, and its workers are not told of Redis',
  { skip: process.env['HAIF_SOAK'] === '1' ? NO_REDIS : 'HAIF_SOAK=1 runs it' },
  async (t) => {
    const redis = new TestRedis()
    atEnd(t, () => redis.stop())
    await redis.start()
    const counts = ['--orchestrators', '2', '--workers', '1']
    const haif = startUp(['--model', 'sim', ...counts], { REDIS_URL: redis.url })
    atEnd(t, () => haif.end())
    await haif.up
    const client = new Redis(redis.url)
    t.after(() => client.disconnect())
    await until(async () => {
      const channels = (await client.pubsub('CHANNELS', '*:orchestrators:prefixes')) as string[]
      return channels.length === 1 && (await client.pubsub('NUMSUB', ...channels))[1] === 2
    })
    assert.deepEqual(servicesWith('REDIS_URL', haif.pid), {
      orchestrator: [true, true],
      worker: [false]
    })
  }
)

/**
 * Of the processes that a process has started, by service: whether they were told of a variable.
 */
function servicesWith(variable: string, pid: number): Record<string, boolean[]> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  const found: Record<string, boolean[]> = {}
  for (const child of children) {
    const title = readFileSync(`/proc/${child}/cmdline`, 'utf8').replaceAll('\0', '')
    const name = title.split(' ').at(-1)!
    const environment = readFileSync(`/proc/${child}/environ`, 'utf8').split('\0')
    const isTold = environment.some((each) => each.startsWith(`${variable}=`))
    found[name] = [...(found[name] ?? []), isTold]
  }
  return found
}

interface Way {
  link: PeerLink
  by: Mesh
}

/** Of a peer that asks the orchestrators as a gateway does, but chooses which. */
async function linksTo(
  t: TestContext,
  { root }: Deployment,
  orchestrators: readonly ServiceProcess[]
): Promise<Way[]> {
  const peer = await startPeer(t, root, { role: 'gateway' })
  peer.follow('orchestrator')
  const keys = (await Promise.all(orchestrators.map(({ up }) => up))).map(({ peer: key }) => key)
  await until(() => keys.every((key) => peer.link(key) !== undefined))
  return keys.map((key) => ({ link: peer.link(key)!, by: peer }))
}

async function ask({ link, by }: Way, text: string): Promise<InferenceEnd> {
  using context = createContext({ timeoutMs: patience(30_000) })
  const request = permitted(
    requestOf({ model: 'sim', prompt: text, maxTokens: 2, explain: true }),
    by,
    context
  )
  const stream = link.stream(orchestratorInfer, request, context)
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return value
  }
}

/** Of the workers, as the orchestrator saw them; those without a free slot are not among them. */
const loads = (end: InferenceEnd): number[] =>
  end.explanations![0]!.candidates.map(({ load }) => load)

const workerOf = (end: InferenceEnd): string => end.explanations![0]!.worker

const measured = async (service: ServiceProcess, name: string, labels = {}): Promise<number> =>
  valueOf(await liveMetrics(service), name, labels) ?? 0

const hints = (service: ServiceProcess, event: string): Promise<number> =>
  measured(service, 'haif_prefix_hints_total', { event })
