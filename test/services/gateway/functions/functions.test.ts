/** Functions from their publisher to their result, through every service, over HTTP. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { total } from '../../../../examples/functions.ts'
import { bundlesIn } from '../../../../cli/ask/publisher.ts'
import { Shared } from '../../../helpers/peers/peers.ts'
import { patience } from '../../../helpers/deadline.ts'
import { until } from '../../../helpers/until.ts'
import { problemsIn } from '../../../helpers/jobs/history.ts'
import { startFunctionsMesh } from '../../../helpers/functions/functions-mesh.ts'
import { python, sealed } from '../../../helpers/functions/bundles.ts'

const run = promisify(execFile)
const shared = new Shared()
after(() => shared.end())
const started = shared.once(startFunctionsMesh)

/** The fields that a test looks at. */
interface Reply {
  run_id: string
  is_new: boolean
  status: string
  result: unknown
  code?: string
  error?: { code: string }
  nodes: { stdout: string; machine: string }[]
  subject: { version: number }
}

async function post(url: string, body: object): Promise<{ status: number; body: Reply }> {
  const headers = { 'content-type': 'application/json' }
  const reply = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: reply.status, body: (await reply.json()) as Reply }
}

async function publish(url: string, name: string, source: string, inputs: object[] = []) {
  const { text, seal } = sealed(python(source, { signature: { inputs, outputs: [] } as never }))
  return post(`${url}/v1/objects`, { name, bundle: text, seal })
}

test('what is published is called by its name, and its result comes back', async (t) => {
  const { url, store, hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const source = 'def run(a, b=2):\n  print("adds")\n  return a + b'
  const inputs = [{ name: 'a' }, { name: 'b', optional: true, default: 2 }]
  const published = await publish(url, 'add', source, inputs)
  assert.deepEqual([published.status, published.body.is_new], [201, true])
  assert.equal((await publish(url, 'add', source, inputs)).status, 200)
  const wish = { object: 'add', arguments: { a: 40 }, wait_ms: 60_000 }
  const { status, body } = await post(`${url}/v1/runs`, wish)
  assert.deepEqual([status, body.status, body.result], [200, 'Completed', 42], JSON.stringify(body))
  assert.equal(body.nodes[0]?.stdout, 'adds\n')
  assert.equal(body.subject.version, 1)
  const again = await (await fetch(`${url}/v1/runs/${body.run_id}`)).json()
  assert.deepEqual(again, body)
  const events = await (await fetch(`${url}/v1/runs/${body.run_id}/events`)).text()
  assert.match(events, /event: job.snapshot/)
  assert.deepEqual(await problemsIn(store), []) // J19: it is written as if it had been stored first
})

test('arguments, objects and graphs that do not fit are refused with what to do', async () => {
  const { url } = await started()
  await publish(url, 'one', 'def run(a): return a', [{ name: 'a', type: 'int' }])
  const refused = async (wish: object, code: string) => {
    const { body } = await post(`${url}/v1/runs`, wish)
    assert.equal(body.error?.code, code, JSON.stringify(body))
  }
  await refused({ object: 'one', arguments: { a: 'x' } }, 'VALIDATION_FAILED')
  await refused({ object: 'one', arguments: { a: 1, b: 2 } }, 'VALIDATION_FAILED')
  await refused({ object: 'none' }, 'NOT_FOUND')
  await refused({ object: '../etc/passwd' }, 'VALIDATION_FAILED')
  await refused({ object: 'one', arguments: { a: { $from: 'run.value' } } }, 'VALIDATION_FAILED')
  const input = { bundle: { sha256: '0'.repeat(64), bytes: 1 } }
  const graph = await post(`${url}/v1/jobs`, { tasks: [{ id: 't', type: 'function', input }] })
  assert.equal(graph.body.code, 'VALIDATION_FAILED')
})

test('a machine that is away: fail_fast says so, wait gives up, queue waits for it', async (t) => {
  const { url, hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  await publish(url, 'here', 'def run(): return "here"')
  const machine = 'away'.repeat(16)
  const wish = { object: 'here', machine }
  const failed = await post(`${url}/v1/runs`, { ...wish, offline_policy: 'fail_fast' })
  assert.deepEqual([failed.status, failed.body.error?.code], [503, 'NO_ELIGIBLE_WORKER'])
  const waited = await post(`${url}/v1/runs`, { ...wish, offline_policy: 'wait', wait_ms: 50 })
  assert.equal(waited.body.status, 'Canceled')
  const queued = await post(`${url}/v1/runs`, wish)
  assert.deepEqual([queued.status, queued.body.status], [202, 'Queued'])
  const run = `${url}/v1/runs/${queued.body.run_id}`
  await until(async () => /worker away/.test(JSON.stringify(await (await fetch(run)).json())))
  const canceled = await post(`${run}/cancel`, {})
  assert.equal(canceled.body.status, 'Canceled')
})

/** An example as its reader runs it. */
async function example(name: string): Promise<string> {
  const { url, home } = await started()
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HAIF_URL: url,
    HAIF_HOME: home,
    PYTHONPATH: new URL('../../../../python', import.meta.url).pathname,
    PYTHONDONTWRITEBYTECODE: '1'
  }
  const script = new URL(`../../../../examples/${name}`, import.meta.url).pathname
  return (await run('/usr/bin/python3', [script], { env, timeout: patience(60_000) })).stdout
}

test('the Python package publishes, calls, and reads what a run has left', async (t) => {
  const { hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const stdout = await example('python_functions.py')
  assert.match(stdout, /^42$/m)
  assert.match(stdout, /FUNCTION_FAILED ValueError: no prices/)
  assert.match(stdout, /left 5 bytes/)
})

test('a pipeline runs as one, its functions by themselves, and in another pipeline', async (t) => {
  const { hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const lines = (await example('python_pipeline.py')).trim().split('\n')
  const order = "{'total': 310, 'status': 'priority'}"
  assert.deepEqual(lines.slice(0, 3), [order, order, 'standard'])
  assert.match(lines[3]!, /'amount'.*'bonus'.*'scale'/)
  assert.deepEqual(lines.slice(4), ['standard: 3', 'priority: 310'])
})

test('nodes run where they are pinned, and a large value goes from one to the other', async (t) => {
  const { url, hasFunctions, machine, addMachine } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const other = await addMachine()
  await publish(url, 'large', 'def run(): return "x" * 2000000')
  await publish(url, 'length', 'def run(text): return len(text)', [{ name: 'text' }])
  const node = (id: string, inputs: object, where: string) =>
    ({ id, kind: 'object', object: id, inputs, machine: where }) as const
  const { text, seal } = sealed({
    haif: 1,
    kind: 'pipeline',
    nodes: [node('large', {}, machine), node('length', { text: { node: 'large' } }, other)],
    output: 'length'
  })
  await post(`${url}/v1/objects`, { name: 'across', bundle: text, seal })
  const { body } = await post(`${url}/v1/runs`, { object: 'across', wait_ms: patience(60_000) })
  assert.deepEqual([body.status, body.result], ['Completed', 2_000_000], JSON.stringify(body))
  assert.deepEqual(
    body.nodes.map((each) => each.machine),
    [machine, other]
  )
})

test('a function is an address of its own, and a tool for a chat', async (t) => {
  const { url, hasFunctions } = await started()
  const inputs = [
    { name: 'a', type: 'int' },
    { name: 'tags', type: 'list[str]', optional: true, default: [] }
  ]
  await publish(url, 'twice', 'def run(a, tags=[]): return a * 2', inputs)
  const tool = await (await fetch(`${url}/v1/objects/twice?as=tool`)).json()
  assert.deepEqual(tool, {
    type: 'function',
    function: {
      name: 'twice',
      parameters: {
        type: 'object',
        properties: {
          a: { type: 'integer' },
          tags: { type: 'array', items: { type: 'string' }, default: [] }
        },
        required: ['a'],
        additionalProperties: false
      }
    }
  })
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const { status, body } = await post(`${url}/v1/call/local/main/twice`, { a: 21 })
  assert.deepEqual([status, body], [200, 42])
  const failed = await post(`${url}/v1/call/twice`, { a: 'x' })
  assert.deepEqual([failed.status, failed.body.error?.code], [400, 'VALIDATION_FAILED'])
  await publish(url, 'raises', 'def run(): raise KeyError("k")')
  const raised = await post(`${url}/v1/call/raises`, {})
  assert.deepEqual([raised.status, raised.body.error?.code], [422, 'FUNCTION_FAILED'])
})

test('functions that a TypeScript module describes are published and called', async (t) => {
  const { url, hasFunctions } = await started()
  const file = new URL('../../../../examples/functions.ts', import.meta.url).pathname
  const [described] = await bundlesIn(file, [])
  const { text, seal } = sealed(described!.bundle)
  const published = await post(`${url}/v1/objects`, { name: described!.name, bundle: text, seal })
  assert.equal(published.status, 201, JSON.stringify(published.body))
  await assert.rejects(bundlesIn(file, ['other']), { code: 'VALIDATION_FAILED' })
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const { body } = await post(`${url}/v1/call/total`, { prices: [11, 6.5], tax: 1 })
  assert.equal(body, total.run({ prices: [11, 6.5], tax: 1 }))
})
