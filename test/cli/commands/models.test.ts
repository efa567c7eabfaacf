/** What a person is told about the models of a worker, its port and its secrets. */
import assert from 'node:assert/strict'
import { chmodSync, statSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseGpu } from '../../../services/worker/engines/llama/parent/gpu/gpu-setting.ts'
import { readWorkerConfig } from '../../../services/worker/config.ts'
import { modelArgument } from '../../../services/worker/models/sources/model-uri.ts'
import { meshEnv, runHaif, startHaif, temporaryHome } from '../../helpers/cli.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { until } from '../../helpers/until.ts'

test('a model may be given a name', () => {
  const nameOf = (text: string) => modelArgument(text, { folder: '/models' }).name
  assert.equal(nameOf('fast=hf:user/repo:Q4_0'), 'fast')
  assert.equal(nameOf('sim:other?slots=2'), 'other')
  assert.equal(nameOf('mine=sim:other?slots=2'), 'mine')
  assert.equal(nameOf('./a=b.gguf'), 'a=b')
})

test('options come before the environment, and models on demand replace the built-in one', () => {
  const env = { MODEL_ID: 'a.gguf', MODEL_ON_DEMAND: 'b.gguf,c=d.gguf', GPU: 'none' }
  const { models, onDemand, gpu } = readWorkerConfig(env)
  assert.deepEqual([models, onDemand, gpu], [['a.gguf'], ['b.gguf', 'c=d.gguf'], { gpu: false }])
  assert.deepEqual(readWorkerConfig({}).models, ['builtin'])
  assert.deepEqual(readWorkerConfig({}, { onDemand: ['x.gguf'] }).models, [])
  assert.deepEqual(readWorkerConfig(env, { gpu: '1' }).gpu, { gpuDevices: [1] })
  assert.deepEqual(parseGpu('1, 0,1'), { gpuDevices: [1, 0] })
  assert.deepEqual([parseGpu('auto'), parseGpu('vulkan')], [{}, { gpu: 'vulkan' }])
  for (const text of ['first', '-1', '1.5', '', '0,', '64']) {
    assert.throws(() => parseGpu(text), { code: 'CONFIG_INVALID' }, text)
  }
})

test('a model that can never be loaded ends the start with one sentence', async (t) => {
  const { code, stdout, stderr } = await runHaif(t, ['up', '--port', '0', '--model', '/no.gguf'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^haif: cannot load \/no\.gguf: there is no such file; .*\n$/)
})

test('a port that is taken is told before any model is loaded', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const args = ['up', '--port', String(port), '--model', 'sim:late?load=600000']
  const { code, stderr } = await runHaif(t, args)
  assert.equal(code, 1)
  assert.match(stderr, /is taken by another program; .*\(PORT_IN_USE\)\n$/)
})

test('a machine that has joined is an entrance, and hears when the mesh goes and comes back', async (t) => {
  const mesh = await startMesh(t, { workers: [], orchestrators: 0 })
  const first = await mesh.addOrchestrator()
  const args = ['join', '--model', 'one=sim', '--on-demand', 'two=sim', '--http', '0']
  const haif = startHaif(t, args, { env: meshEnv(mesh) })
  await haif.says('joined: this machine is a worker now')
  const [, url] = /the HTTP API of the mesh: (http:\/\/127\.0\.0\.1:\d+)\n/.exec(
    haif.output.stdout
  )!
  // No other bridge is in this mesh.
  await until(async () => {
    const response = await fetch(`${url}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"one","prompt":"hello"}'
    })
    return response.ok && ((await response.json()) as { model: string }).model === 'one'
  })
  await first.stop()
  await haif.says('the mesh is out of reach')
  await mesh.addOrchestrator()
  await haif.says('back in the mesh')
  await mesh.infer({ model: 'two' })
  await haif.says('model two (')
})

test('a secret that others can read is closed to them, and its owner told', async (t) => {
  const home = temporaryHome(t)
  const mesh = await startMesh(t, { workers: [] })
  const { HAIF_MESH_FOLDER = '' } = meshEnv(mesh)
  const env = { HAIF_HOME: home, HAIF_MESH_FOLDER, HAIF_TOPIC_KEY: '' } // as if it were not set
  const file = join(HAIF_MESH_FOLDER, 'root.key')
  chmodSync(file, 0o644)
  const { code, stderr } = await runHaif(t, ['status', '--json'], { env })
  assert.equal(code, 0)
  assert.match(stderr, /could read .*root\.key \(mode 644\); it is closed to them now/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
})
