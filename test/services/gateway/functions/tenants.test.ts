/** Functions of several tenants, each with tokens: what each sees, may do, and may not. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import { Shared } from '../../../helpers/peers/peers.ts'
import { patience } from '../../../helpers/deadline.ts'
import { until } from '../../../helpers/until.ts'
import { startFunctionsMesh } from '../../../helpers/functions/functions-mesh.ts'
import { python, sealed } from '../../../helpers/functions/bundles.ts'
import { wheel } from '../../../helpers/functions/wheel.ts'

const run = promisify(execFile)
const shared = new Shared()
after(() => shared.end())

/** The fields that a test looks at. */
interface Reply {
  run_id: string
  status: string
  result: unknown
  error?: { code: string; message: string }
  nodes: { stdout: string; stderr: string; machine: string; error?: string }[]
}

interface Answer<Body> {
  status: number
  body: Body
}

const started = shared.once(async (scope) => {
  const mesh = await startFunctionsMesh(scope)
  const tokens = {
    acme: await mesh.token('acme', 'functions', 'infer'),
    beta: await mesh.token('beta', 'functions', 'infer'),
    operator: await mesh.token('ops', 'operator')
  }
  const ask = async <Body = Reply>(
    who: keyof typeof tokens,
    route: string,
    body?: object
  ): Promise<Answer<Body>> => {
    const [method = '', path = ''] = route.split(' ')
    const reply = await fetch(`${mesh.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokens[who]}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: reply.status, body: (await reply.json()) as Body }
  }
  /** In the name of acme; what it takes are the names of its inputs. */
  const publish = (name: string, source: string, takes: string[] = [], more = {}) => {
    const signature = { inputs: takes.map((input) => ({ name: input })), outputs: [] }
    const bundle: FunctionBundle = python(source, { signature, ...more })
    const { text, seal } = sealed(bundle)
    return ask('acme', 'POST /v1/objects', { name, bundle: text, seal })
  }
  const call = (who: keyof typeof tokens, object: string, given: object = {}, more: object = {}) =>
    ask(who, 'POST /v1/runs', {
      object,
      arguments: given,
      wait_ms: patience(60_000),
      ...more
    })
  return { ...mesh, tokens, ask, publish, call }
})

test('a secret goes to the function that it is granted to, and into nothing that leaves it', async (t) => {
  const { url, store, tokens, ask, publish, call, hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const value = 'correct horse "battery" staple'
  const source = `import haif, sys
def run():
  secret = haif.secret("KEY")
  sys.stdout.write(secret[:9]); sys.stdout.flush(); print(secret[9:])
  print(secret, file=sys.stderr)
  open("out/file", "w").write("<" + secret + ">")
  return {"length": len(secret), "said": secret}`
  await publish('keyed', source, [], { secrets: ['KEY'] })
  const missing = (await call('acme', 'keyed')).body
  assert.equal(missing.error?.code, 'FORBIDDEN', JSON.stringify(missing))
  assert.match(missing.error.message, /haif secrets grant KEY acme\/main\/keyed/)
  assert.equal((await ask('acme', 'PUT /v1/secrets/KEY', { value: 'short' })).status, 400)
  const set = await ask('acme', 'PUT /v1/secrets/KEY', { value })
  assert.equal(set.status, 200)
  assert.equal((await call('acme', 'keyed')).body.error?.code, 'FORBIDDEN')
  const to = 'acme/main/keyed'
  await ask('acme', 'POST /v1/secrets/KEY/grants', { to })
  const { body } = await call('acme', 'keyed')
  const [node] = body.nodes
  assert.deepEqual(body.result, { length: value.length, said: '[secret]' }, JSON.stringify(body))
  assert.deepEqual([node!.stdout, node!.stderr], ['[secret]\n', '[secret]\n'])
  const file = `${body.run_id}/artifacts/run/file`
  const stored = await ask<unknown>('acme', `GET /v1/runs/${body.run_id}`)
  assert.ok(!JSON.stringify([stored, await ask('acme', 'GET /v1/secrets')]).includes('horse'))
  const left = await fetch(`${url}/v1/jobs/${file}`, {
    headers: { authorization: `Bearer ${tokens.acme}` }
  })
  assert.equal(await left.text(), '<[secret]>')
  const kept = await store.query<{ text: string }>(
    `select sealed as text from secrets union all select input from tasks
     union all select coalesce(output, '') from tasks`
  )
  assert.ok(kept.length > 2 && !kept.some(({ text }) => text.includes('horse')))
  await ask('acme', 'POST /v1/secrets/KEY/grants', { to, withdraw: true })
  assert.equal((await call('acme', 'keyed')).body.error?.code, 'FORBIDDEN')
  assert.equal((await ask('beta', 'DELETE /v1/secrets/KEY')).status, 404)
})

test('each recipe of the cookbook does what it says, on two machines', async (t) => {
  const { url, home, tokens, token, machine, addMachine, hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const other = await addMachine()
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HAIF_URL: url,
    HAIF_TOKEN: tokens.acme,
    PARTNER_TOKEN: await token('acme', 'library:acme/reports'),
    HAIF_HOME: home,
    PYTHONPATH: new URL('../../../../python', import.meta.url).pathname,
    PYTHONDONTWRITEBYTECODE: '1'
  }
  const script = new URL('../../../../examples/recipes/functions.py', import.meta.url).pathname
  const timeout = patience(120_000)
  const { stdout } = await run('/usr/bin/python3', [script, machine, other], { env, timeout })
  assert.deepEqual(stdout.trim().split('\n'), [
    'machine [1, 2] True',
    'library True',
    'pipeline 42',
    'function [7]',
    'mixed: 42',
    'across: 42 True',
    'waits Queued',
    'away NO_ELIGIBLE_WORKER',
    "files ['chart.csv'] b'1\\n2\\n3'",
    'partner total: 1',
    'partner FORBIDDEN'
  ])
})

test('source is read where it is granted, and nowhere else', async () => {
  const { ask, publish } = await started()
  await publish('shown', 'def run(): return 1')
  const read = () => ask<{ source: string }>('beta', 'GET /spl/objects/shown/source')
  assert.equal((await read()).status, 404)
  const grant = (...scopes: string[]) =>
    ask('acme', 'POST /v1/libraries/grants', { library: 'main', to: 'beta', scopes })
  await grant('metadata:read', 'execute')
  assert.equal((await read()).status, 403)
  await grant('objects:read')
  assert.equal((await read()).body.source, 'def run(): return 1')
  await grant()
  assert.equal((await read()).status, 404)
})

test('a function calls others within its rights, its time and a depth', async (t) => {
  const { publish, call, hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  await publish('double', 'def run(a): return a * 2', ['a'])
  await publish(
    'asks',
    'import haif\ndef run(a):\n  return haif.call("double", a=a) + haif.call("acme/main/double", {"a": 1})',
    ['a']
  )
  assert.equal((await call('acme', 'asks', { a: 20 })).body.result, 42)
  const { body: own } = await call('beta', 'acme/main/asks', { a: 1 })
  assert.equal(own.error?.code, 'NOT_FOUND')
  const failing = `import haif
def run():
  try: haif.call("nowhere")
  except haif.CallFailed as error: return error.code`
  await publish('failing', failing)
  assert.equal((await call('acme', 'failing')).body.result, 'NOT_FOUND')
  await publish('deep', 'import haif\ndef run(n): return haif.call("deep", n=n + 1)', ['n'])
  const { body: deep } = await call('acme', 'deep', { n: 0 })
  assert.match(deep.error!.message, /8 deep at most/, JSON.stringify(deep))
})

test('machines and what is built on them are listed; only an operator removes it', async (t) => {
  const { ask, publish, call, machine, hasFunctions } = await started()
  if (!hasFunctions) return t.skip('this machine has no sandbox')
  const base64 = wheel('greet', '1.0', 'WORD = "hi"\n').toString('base64')
  await publish('greets', 'import greet\ndef run(): return greet.WORD', [], {
    dependencies: ['greet==1.0'],
    files: { 'wheels/greet-1.0-py3-none-any.whl': { base64 } }
  })
  const { body } = await call('acme', 'greets')
  assert.equal(body.result, 'hi', JSON.stringify(body))
  interface Machines {
    machines: { id: string; functions: boolean; environments: number }[]
  }
  // The offer comes a moment after the environment.
  await until(async () => {
    const listed = await ask<Machines>('acme', 'GET /v1/machines')
    assert.equal(listed.status, 200, JSON.stringify(listed.body))
    const [own] = listed.body.machines.filter(({ id }) => id === machine)
    return own?.functions === true && own.environments === 1
  })
  interface Built {
    machines: { environments: { key: string; dependencies: string[]; built_at: string }[] }[]
  }
  const builtThere = async () => {
    const { body: built } = await ask<Built>('acme', `GET /v1/environments?machine=${machine}`)
    return built.machines[0]!.environments[0]
  }
  const environment = await builtThere()
  assert.deepEqual(environment!.dependencies, ['greet==1.0'])
  const own = `/v1/environments/${machine}/${environment!.key}`
  assert.equal((await ask('acme', `DELETE ${own}`)).status, 403)
  assert.equal((await ask('acme', 'GET /v1/environments?machine=none')).status, 404)
  assert.equal((await ask('operator', `POST ${own}/rebuild`)).status, 200)
  await until(async () => (await builtThere())?.built_at !== environment!.built_at)
  assert.equal((await ask('operator', `DELETE ${own}`)).status, 200)
  assert.equal((await ask('operator', `DELETE ${own}`)).status, 404)
})
