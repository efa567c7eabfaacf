import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { rootEnv } from '../../helpers/peers/mesh-root.ts'
import { countPromptTokens, simAnswer } from '../../../services/worker/engines/sim/sim-text.ts'
import { meshEnv, runHaif, startHaif } from '../../helpers/cli.ts'
import { startMesh, type TestMesh } from '../../helpers/mesh/mesh.ts'
import { until } from '../../helpers/until.ts'

const expected = (prompt: string, tokens: number): string => {
  const tokenAt = simAnswer(prompt)
  return Array.from({ length: tokens }, (_, i) => tokenAt(i).text).join('')
}

const streamsEnded = (mesh: TestMesh): boolean =>
  mesh.meshes
    .filter(({ role }) => role === 'worker')
    .every((worker) => worker.links().every((link) => link.openStreams === 0))

const workerIsIdle = (mesh: TestMesh): Promise<void> => until(() => streamsEnded(mesh))

test('the answer alone is on stdout, whatever was piped in with the prompt', async (t) => {
  const mesh = await startMesh(t)
  const env = meshEnv(mesh)
  const args = ['infer', 'summarise', 'this text', '--max-tokens', '5'] // words need no quotes
  const [alone, both, piped, direct] = await Promise.all([
    runHaif(t, args, { env }),
    runHaif(t, args, { env, input: 'one\ntwo\n' }),
    runHaif(t, ['infer', '--max-tokens', '5'], { env, input: 'one\n' }),
    runHaif(t, [...args, '--direct'], { env })
  ])
  const answers = [
    [alone, 'user: summarise this text'],
    [both, 'user: summarise this text\n\none\ntwo'],
    [piped, 'user: one'],
    [direct, 'summarise this text']
  ] as const
  for (const [result, prompt] of answers) {
    assert.deepEqual(result, { code: 0, stdout: `${expected(prompt, 5)}\n`, stderr: '' })
  }
})

test('--json prints one object with who answered, and how', async (t) => {
  const mesh = await startMesh(t)
  const args = ['infer', 'hello', '--json', '--system', 'be brief', '--max-tokens', '3']
  const env = meshEnv(mesh)
  const more = ['--seed', '7', '--top-p', '0.9', '--temperature', '0', '--model', 'sim']
  const { code, stdout, stderr } = await runHaif(t, [...args, ...more], { env })
  assert.deepEqual([code, stderr], [0, ''])
  const { request_id: requestId, timings, ...rest } = JSON.parse(stdout)
  assert.match(requestId, /^[0-9a-f-]{36}$/)
  assert.deepEqual(Object.keys(timings).toSorted(), [
    'decode_ms',
    'first_token_ms',
    'prefill_ms',
    'queue_ms',
    'total_ms'
  ])
  assert.deepEqual(rest, {
    output: expected('system: be brief\nuser: hello', 3),
    model: 'sim',
    max_tokens: 3,
    mode: 'chat',
    provider: 'sim',
    usage: {
      prompt_tokens: 7,
      completion_tokens: 3,
      total_tokens: 10,
      prompt_tokens_details: { cached_tokens: 0 }
    },
    finish_reason: 'length',
    attempts: 1,
    worker: mesh.meshes.at(-1)!.key
  })
})

test('a file piped in behind a prompt, with --json: all of it is asked, one object comes', async (t) => {
  const mesh = await startMesh(t)
  // more than one read of the pipe, in characters of 1 to 3 bytes
  const file = 'Größe – 大きさ\n'.repeat(1500)
  const args = ['infer', 'summarise', '--json', '--max-tokens', '3']
  const { code, stdout, stderr } = await runHaif(t, args, { env: meshEnv(mesh), input: file })
  assert.deepEqual([code, stderr], [0, ''])
  const { output, usage } = JSON.parse(stdout)
  const prompt = `user: summarise\n\n${file.trimEnd()}`
  assert.equal(output, expected(prompt, 3))
  assert.equal(usage.prompt_tokens, countPromptTokens(prompt))
})

test('Ctrl-C with --json prints nothing, stops the worker and ends', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 20 }] })
  const args = ['infer', 'count', '--json', '--max-tokens', '4000']
  const haif = startHaif(t, args, { env: meshEnv(mesh) })
  await until(() => !streamsEnded(mesh))
  haif.child.kill('SIGINT')
  assert.deepEqual(await haif.result, { code: 130, stdout: '', stderr: '' })
  await workerIsIdle(mesh)
})

test('tokens arrive while the answer is written, and Ctrl-C stops the worker', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 20 }] })
  const haif = startHaif(t, ['infer', 'count', '--max-tokens', '4000'], { env: meshEnv(mesh) })
  await haif.says(expected('user: count', 3))
  assert.equal(haif.child.exitCode, null)
  haif.child.kill('SIGINT')
  const { code, stdout, stderr } = await haif.result
  assert.equal(code, 130)
  assert.equal(stderr, '')
  assert.ok(expected('user: count', 4000).startsWith(stdout))
  await workerIsIdle(mesh)
  await mesh.infer({ maxTokens: 1 }) // its only slot is free again
})

test('a reader that goes away stops the worker, without a word', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 20 }] })
  const haif = startHaif(t, ['infer', 'count', '--max-tokens', '4000'], { env: meshEnv(mesh) })
  await once(haif.child.stdout!, 'data')
  haif.child.stdout!.destroy()
  const { code, stderr } = await haif.result
  assert.deepEqual([code, stderr], [141, ''])
  await workerIsIdle(mesh)
})

test('a failure is one sentence on stderr with its code, and nothing on stdout', async (t) => {
  const mesh = await startMesh(t, { workers: [{ decodeTokensPerSecond: 5 }] })
  const env = meshEnv(mesh)
  const failures = await Promise.all([
    runHaif(t, ['infer', 'hello', '--model', 'nobody'], { env }),
    runHaif(t, ['infer', '  '], { env }),
    runHaif(t, ['infer', 'hello', '--direct', '--system', 'be brief'], { env }),
    runHaif(t, ['infer', 'hello', '--json', '--timeout', '1'], { env }),
    runHaif(t, ['infer', 'hello'])
  ])
  const expected: [exitCode: number, code: string][] = [
    [1, 'MODEL_NOT_FOUND'],
    [2, 'VALIDATION_FAILED'],
    [2, 'VALIDATION_FAILED'],
    [3, 'DEADLINE_EXCEEDED'],
    [2, 'CONFIG_INVALID']
  ]
  for (const [i, { code, stdout, stderr }] of failures.entries()) {
    const [exitCode, name] = expected[i]!
    assert.deepEqual([code, stdout], [exitCode, ''])
    assert.match(stderr, new RegExp(`^haif: .+ \\(${name}\\)\n$`))
  }
  assert.match(failures[0].stderr, /nobody/)
})

test('an option that cannot be used is refused with what it may be', async (t) => {
  const { code, stdout, stderr } = await runHaif(t, ['infer', 'hello', '--temperature', 'hot'])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /'hot' is invalid\. It must be a number from 0 to 2\./)
})

test('a mesh that is not there is said within seconds', async (t) => {
  const mesh = await startMesh(t, { workers: [], gateways: 0 })
  const nobody = { ...mesh.topicKey, bootstrap: [{ host: '127.0.0.1', port: 9 }] }
  const results = await Promise.all([
    runHaif(t, ['infer', 'hello'], { env: meshEnv(mesh) }),
    runHaif(t, ['status'], { env: rootEnv(nobody) })
  ])
  for (const { code, stdout, stderr } of results) {
    assert.deepEqual([code, stdout], [3, ''])
    assert.match(
      stderr,
      /^haif: the mesh cannot be reached: no mesh runs .+ start one with "haif up" \(NO_PEER\)\n$/
    )
  }
})
