/** What a call of a trivial Python function costs, from HTTP to HTTP, and what its sandbox does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { startFunctionsMesh } from '../../helpers/functions/functions-mesh.ts'
import { python, sealed } from '../../helpers/functions/bundles.ts'
import { percentile } from '../percentiles.ts'
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { inScope } from '../scope.ts'

const HARNESS = fileURLToPath(
  new URL('../../../services/worker/tasks/function-run/harness.py', import.meta.url)
)
const BARS = { warm: 15, cold: 150, sandbox: 20 }
const MACHINES = 4
const PIPELINE_BAR = 1.3

export async function benchCalls({ quick }: BenchOptions): Promise<Report> {
  const count = quick ? 20 : 200
  const report: Report = {
    title: 'A call of a function',
    how:
      `${count} calls of a Python function that adds two numbers, one after the other, over HTTP ` +
      'with `wait_ms`, every service and the embedded database in one process. The sandbox is what ' +
      'a process in it takes until it is ready, over the same process without one. The nodes of the ' +
      'pipeline sleep for 1 s each.',
    columns: ['call', 'p50 ms', 'p95 ms'],
    rows: [],
    bars: []
  }
  await inScope(async (t) => {
    const { url, addMachine } = await startFunctionsMesh(t)
    const set = (library: string, warm: boolean) =>
      post(`${url}/v1/libraries`, { library, policy: { warm } })
    const { text, seal } = sealed(python('def run(a, b): return a + b', INPUTS))
    for (const [library, warm] of [
      ['warm', true],
      ['cold', false]
    ] as const) {
      await set(library, warm)
      await post(`${url}/v1/objects`, { library, name: 'add', bundle: text, seal })
      const times = await timesOf(count, () => call(url, `${library}/add`))
      add(report, library, times, BARS[library])
    }
    for (let machine = 1; machine < MACHINES; machine++) await addMachine()
    await publishPipeline(url)
    const ratios: number[] = []
    for (let nth = 0; nth < (quick ? 3 : 10); nth++) ratios.push(await pipelineRatio(url))
    addPipeline(report, ratios)
  })
  const inside = await timesOf(count, () => startOf(SANDBOXED))
  const outside = await timesOf(count, () => startOf([]))
  const over = percentile(inside, 0.5) - percentile(outside, 0.5)
  report.rows.push(['sandbox, over none', fixed(over), ''])
  report.bars.push(barOf('sandbox', over, BARS.sandbox))
  return report
}

const INPUTS = { signature: { inputs: [{ name: 'a' }, { name: 'b' }], outputs: [] } }

const NODES = Array.from({ length: 8 }, (_, nth) => `n${nth}`)

/** Eight that need nothing of each other, and one that needs them all. */
async function publishPipeline(url: string): Promise<void> {
  const publish = (name: string, bundle: object) => {
    const { text, seal } = sealed(bundle)
    return post(`${url}/v1/objects`, { name, bundle: text, seal })
  }
  await publish('one', python('import time\ndef run():\n  time.sleep(1)\n  return 1'))
  const inputs = NODES.map((name) => ({ name }))
  const signature = { inputs, outputs: [] }
  await publish('sum', python('def run(**all): return sum(all.values())', { signature }))
  const nodes = NODES.map((id) => ({ id, kind: 'object', object: 'one', inputs: {} }))
  const bound = Object.fromEntries(NODES.map((node) => [node, { node }]))
  const all = [...nodes, { id: 'sum', kind: 'object', object: 'sum', inputs: bound }]
  await publish('wide', { haif: 1, kind: 'pipeline', nodes: all, output: 'sum' })
}

interface Ran {
  result?: unknown
  nodes: { started_at: string; completed_at: string }[]
}

/** All of it, from HTTP to HTTP, over its longest node. */
async function pipelineRatio(url: string): Promise<number> {
  const from = performance.now()
  const wish = { object: 'wide', wait_ms: 60_000 }
  const { result, nodes } = (await post(`${url}/v1/runs`, wish)) as Ran
  const ms = performance.now() - from
  if (result !== NODES.length) throw new Error('the pipeline came back with another result')
  const msOf = (node: Ran['nodes'][number]) =>
    Date.parse(node.completed_at) - Date.parse(node.started_at)
  return ms / Math.max(...nodes.map(msOf))
}

function addPipeline(report: Report, ratios: readonly number[]): void {
  const ratio = percentile(ratios, 0.5)
  const name = `pipeline of 8 on ${MACHINES} machines, over its longest node`
  report.rows.push([name, `${ratio.toFixed(2)} x`, `${percentile(ratios, 0.95).toFixed(2)} x`])
  report.bars.push({
    figure: name,
    bar: `≤ ${PIPELINE_BAR} x`,
    measured: `${ratio.toFixed(2)} x`,
    holds: ratio <= PIPELINE_BAR
  })
}

function add(report: Report, name: string, times: readonly number[], bar: number): void {
  const p50 = percentile(times, 0.5)
  report.rows.push([name, fixed(p50), fixed(percentile(times, 0.95))])
  report.bars.push(barOf(name, p50, bar))
}

const barOf = (name: string, ms: number, bar: number) => ({
  figure: `${name}, p50`,
  bar: `≤ ${bar} ms`,
  measured: `${fixed(ms)} ms`,
  holds: ms <= bar
})

async function timesOf(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let nth = 0; nth < count; nth++) {
    const from = performance.now()
    await work()
    times.push(performance.now() - from)
  }
  return times.slice(Math.ceil(count / 10)) // until it is warm
}

async function call(url: string, object: string): Promise<void> {
  const wish = { object, arguments: { a: 1, b: 2 }, wait_ms: 60_000 }
  const { result } = (await post(`${url}/v1/runs`, wish)) as { result?: unknown }
  if (result !== 3) throw new Error('the call came back with another result')
}

async function post(url: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const reply = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return reply.json()
}

/** The same inside and outside; what PATH names may be a script that looks for one. */
const PYTHON = '/usr/bin/python3'

const SANDBOXED = [
  ...'bwrap --unshare-all --unshare-user --disable-userns --die-with-parent --new-session'.split(
    ' '
  ),
  ...'--cap-drop ALL --clearenv --ro-bind /usr /usr --symlink usr/lib /lib'.split(' '),
  ...'--symlink usr/lib64 /lib64 --symlink usr/bin /bin --proc /proc --dev /dev'.split(' '),
  '--ro-bind',
  HARNESS,
  HARNESS,
  ...'--tmpfs /scratch --remount-ro / --'.split(' ')
]

/** A harness, until it says that it is ready. */
async function startOf(before: readonly string[]): Promise<void> {
  const [program, ...rest] = [...before, PYTHON, '-I', '-B', HARNESS, 'main.py', 'run']
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const
  const child = spawn(program, rest, { stdio: [...stdio] })
  const [requests, frames] = [child.stdio[3] as Writable, child.stdio[4] as Readable]
  const closed = once(child, 'close')
  await once(frames, 'data')
  requests.destroy()
  child.kill('SIGKILL')
  frames.destroy()
  await closed
}
