import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { Compile } from 'typebox/compile'
import { MeshSnapshot, type PeerEntry, type WorkerModel } from '#shared/contracts/peers/peers.ts'
import { renderStatus, type MeshStatus } from '../../../cli/screen/render-status.ts'
import { meshEnv, runHaif, startHaif } from '../../helpers/cli.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { until } from '../../helpers/until.ts'

const snapshotSchema = Compile(MeshSnapshot)

test('the status shows peers, workers and models', async (t) => {
  const mesh = await startMesh(t, { workers: [{ name: 'one', decodeTokensPerSecond: 200 }, {}] })
  const { code, stdout, stderr } = await runHaif(t, ['status'], { env: meshEnv(mesh) })
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^mesh on this machine: 5 peers, 2 models\n/)
  for (const { key, role } of mesh.meshes) {
    const name = role === 'worker' ? '' : `${role} +`
    const way = role === 'registry' ? 'this machine' : 'direct +[\\d.]+ k?B'
    assert.match(
      stdout,
      new RegExp(`^  ${name}${key.slice(0, 8)}  test  0\\.0\\.0 +\\S+ ms +${way}$`, 'm')
    )
  }
  assert.match(
    stdout,
    /^ {4}one {2}ready {2}0 of 16 running, 0 waiting {2}context 8192 {2}200 tokens\/s$/m
  )
  assert.match(stdout, /^ {2}one {2}1 worker {2}context 8192 {2}sim$/m)
})

test('--json is the snapshot of the registry, without the client itself', async (t) => {
  const mesh = await startMesh(t)
  const { code, stdout, stderr } = await runHaif(t, ['status', '--json'], { env: meshEnv(mesh) })
  assert.deepEqual([code, stderr], [0, ''])
  const { reach, ...snapshot } = JSON.parse(stdout)
  assert.equal(reach, 'local')
  assert.ok(snapshotSchema.Check(snapshot))
  assert.deepEqual(
    snapshot.peers.map(({ key, role }) => ({ key, role })),
    mesh.meshes
      .map(({ key, role }) => ({ key, role }))
      .toSorted((a, b) => a.role.localeCompare(b.role))
  )
  assert.deepEqual(
    snapshot.models.map(({ name, workers }) => ({ name, workers })),
    [{ name: 'sim', workers: [mesh.meshes.at(-1)!.key] }]
  )
})

test('--watch shows it again and again, until Ctrl-C', async (t) => {
  const mesh = await startMesh(t)
  const haif = startHaif(t, ['status', '--watch', '--json'], { env: meshEnv(mesh) })
  const lines = () => haif.output.stdout.split('\n').slice(0, -1)
  await until(() => lines().length >= 2)
  for (const line of lines()) assert.equal(JSON.parse(line).peers.length, 4)
  haif.child.kill('SIGINT')
  assert.equal((await haif.result).code, 0)
})

const key = (digit: string): string => digit.repeat(64)
const idle = {
  slots: 0,
  running: 0,
  waiting: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0
}
const held: WorkerModel[] = [
  { name: 'coming', engine: 'llama', state: 'loading', progress: 0.426, ...idle },
  {
    name: 'broken',
    engine: 'llama',
    state: 'failed',
    error: 'cannot load /x.gguf: it is cut off; download it again',
    ...idle
  },
  {
    name: 'here',
    engine: 'llama',
    state: 'ready',
    ...idle,
    slots: 8,
    running: 3,
    waiting: 1,
    decodeTokensPerSecond: 41.6
  }
]
const worker: PeerEntry = {
  key: key('a'),
  role: 'worker',
  name: 'attic',
  host: 'gpu\u001B[31m-box\n',
  version: '0.1.0',
  rttMs: 12.4,
  path: 'relayed',
  relay: key('f'),
  lossPercent: 2,
  worker: { models: held, draining: true }
}
const status: MeshStatus = {
  reach: 'public',
  peers: [worker],
  models: [
    {
      name: 'here',
      digest: key('d'),
      contextTokens: 4096,
      engine: 'llama',
      quantization: 'Q4_K_M',
      parameters: 7_615_616_512,
      sizeBytes: 4_683_074_240,
      workers: [key('a')],
      createdAt: 0
    }
  ]
}

test('loading, failed and busy models are told apart', () => {
  const text = renderStatus(status, { width: Infinity, color: false })
  assert.equal(
    text,
    `mesh across the internet: 1 peer, 1 model

PEERS

WORKERS
  attic  aaaaaaaa  gpu[31m-box  0.1.0  12 ms  relayed by ffffffff  0 B  2 % lost  stopping
    coming  loading  █████████░░░░░░░░░░░ 42 %
    broken  failed
      cannot load /x.gguf: it is cut off; download it again
    here    ready    3 of 8 running, 1 waiting  42 tokens/s

MODELS
  here  1 worker  context 4096  Q4_K_M  7.62B parameters  4.68 GB  llama
`
  )
})

test('no line is wider than the screen, and colours do not move the columns', () => {
  const narrow = renderStatus(status, { width: 40, color: false })
  for (const line of narrow.split('\n')) assert.ok(Array.from(line).length <= 40, line)
  assert.ok(narrow.includes('download it'), 'a reason of failure is never cut')
  const painted = renderStatus(status, { width: 40, color: true })
  assert.notEqual(painted, narrow)
  assert.equal(stripVTControlCharacters(painted), narrow)
})

test('a mesh without workers says how to get one', () => {
  const text = renderStatus({ ...status, peers: [], models: [] }, { width: 80, color: false })
  assert.match(text, /no worker is up: start one with "haif join"/)
  assert.match(text, /no model is ready/)
})

test('a worker shows its GPU, why models run on less, and the memory of each', () => {
  const [ready] = held.slice(-1)
  const gpu = { backend: 'vulkan', names: ['NVIDIA H100'], totalBytes: 85e9, freeBytes: 76e9 }
  const ram = { totalBytes: 135e9, freeBytes: 128e9 }
  const why =
    "NVIDIA H100, driver 580: this engine's CUDA code needs driver 590 or newer; using Vulkan"
  const onGpu: PeerEntry = {
    ...worker,
    worker: {
      draining: false,
      hardware: { cpu: { model: 'Xeon', cores: 16 }, ram, gpu },
      gpuNote: why,
      models: [
        {
          ...ready!,
          contextTokens: 131_072,
          backend: 'vulkan',
          memory: { ramBytes: 1e9, vramBytes: 9.27e9 }
        },
        { ...ready!, name: 'slow', backend: 'cpu', memory: { ramBytes: 2.5e9, vramBytes: 0 } }
      ]
    }
  }
  const text = renderStatus({ ...status, peers: [onGpu] }, { width: Infinity, color: false })
  const machine =
    'Xeon, 16 cores; 128 GB of 135 GB RAM free; NVIDIA H100 (vulkan), 76 GB of 85 GB VRAM free'
  assert.ok(text.includes(`    ${machine}; ${why}\n`), text)
  assert.match(
    text,
    /here {2}ready {2}3 of 8 .* context 131072 {2}vulkan, 9\.27 GB VRAM {2}42 tokens/
  )
  assert.match(text, /slow {2}ready {2}3 of 8 .* cpu, 2\.5 GB RAM/)
})

test('two files under one name, a restart and a download are told', () => {
  const one = status.peers.find(({ worker }) => worker !== undefined)!
  const [, , here] = one.worker!.models
  const holding = (key: string, model: object) => ({
    ...one,
    key: key.repeat(64),
    worker: { ...one.worker!, models: [{ ...here!, ...model }] }
  })
  const died = { state: 'loading' as const, notice: 'its process died (SIGKILL)' }
  const download = { bytes: 1.2e9, totalBytes: 2.9e9, bytesPerSecond: 34e6 }
  const peers = [
    holding('a', { digest: 'x' }),
    holding('b', { digest: 'y' }),
    holding('c', { digest: 'x' }),
    holding('d', died),
    holding('e', { state: 'loading', phase: 'downloading', progress: 0.41, download })
  ]
  const text = renderStatus({ ...status, peers }, { width: Infinity, color: false })
  assert.match(text, /here: its workers hold different models \(aaaaaaaa, cccccccc \/ bbbbbbbb\)/)
  assert.match(text, /its process died \(SIGKILL\)/)
  assert.match(text, /downloading .* 41 % {2}1\.2 of 2\.9 GB, 34\.0 MB\/s, 50 s left/)
})

test('what orchestrators hold against a worker stands with it', () => {
  const reason = 'lied 2 times; the last 3 min ago'
  const { worker: _, ...facts } = worker
  const orchestrator: PeerEntry = {
    ...facts,
    key: 'c'.repeat(64),
    role: 'orchestrator',
    heldAgainst: [{ worker: worker.key, reason }]
  }
  const peers = [worker, orchestrator]
  const text = renderStatus({ ...status, peers }, { width: Infinity, color: false })
  assert.ok(text.includes(`    held against it: ${reason}\n`), text)
})
