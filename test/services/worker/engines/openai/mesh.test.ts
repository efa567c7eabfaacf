/** A server of somebody else's as a worker of the mesh. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { discoverUpstream } from '../../../../../services/worker/models/sources/upstream-source.ts'
import { meshEnv, runHaif, startHaif, temporaryHome } from '../../../../helpers/cli.ts'
import { startMesh, type TestMesh } from '../../../../helpers/mesh/mesh.ts'
import { contextFor } from '../../../../helpers/peers/peers.ts'
import { until } from '../../../../helpers/until.ts'
import { startUpstream } from '../../../../helpers/upstreams/start.ts'
import { continuation } from '../../../../helpers/upstreams/tiny-language.ts'

const retry = { firstMs: 10, maxMs: 50 }
const messages: ChatMessage[] = [{ role: 'user', content: 'What does the tide say?' }]
const chat = { input: { mode: 'chat' as const, messages }, model: 'tiny', sampling: {} }
const PROMPT = '<|user|>What does the tide say?<|end|><|assistant|>'

async function meshOf(t: TestContext, urls: string[]): Promise<TestMesh> {
  const mesh = await startMesh(t, { workers: [] })
  for (const url of urls) await mesh.addWorker(await discoverUpstream(url, { retry }))
  await mesh.ready()
  return mesh
}

suite('a mesh', () => {
  test('answers from the server, and says so', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const mesh = await meshOf(t, [upstream.url])
    const { text, tokenIds, end } = await mesh.infer({ ...chat, maxTokens: 20 })
    assert.equal(text, continuation(PROMPT, 20))
    assert.deepEqual(tokenIds, [], 'nobody knows them')
    assert.deepEqual([end.provider, end.model, end.finishReason], ['openai', 'tiny', 'length'])
    assert.equal(end.usage.completionTokens, 20)
    const plain = await mesh.infer({ prompt: 'one two', model: 'tiny', maxTokens: 9 })
    assert.equal(plain.text, continuation('one two', 9))
  })

  test('refuses by name what the server cannot do', async (t) => {
    const upstream = await startUpstream(t, 'llama-server', { contextTokens: 64 })
    const mesh = await meshOf(t, [upstream.url])
    await assert.rejects(mesh.infer({ prompt: 'ab '.repeat(100) }), {
      code: 'CONTEXT_TOO_LONG',
      message: /100 tokens.*64 tokens/
    })
  })

  test('a server killed in the middle: another kind of server goes on after the text', async (t) => {
    const dying = await startUpstream(t, 'vLLM', { tokenMs: 20 })
    const mesh = await meshOf(t, [dying.url])
    const staying = await startUpstream(t, 'llama-server')
    let text = ''
    const others: Promise<void>[] = []
    const isUsed = async () => {
      await mesh.infer({ ...chat, maxTokens: 1 })
      return staying.requests.length > 0
    }
    const onText = (piece: string) => {
      text += piece
      // Once the answer has begun there, so that it is known where it began.
      if (text.length <= 30 || others.length > 0) return
      others.push(
        discoverUpstream(staying.url, { retry })
          .then((sources) => mesh.addWorker(sources))
          .then(() => until(isUsed))
          .then(() => dying.down())
      )
    }
    const asked = { ...chat, maxTokens: 400 }
    const { text: whole, end } = await mesh.inferIn(contextFor(t), asked, onText)
    await Promise.all(others)
    assert.equal(whole, continuation(PROMPT, 400))
    assert.deepEqual([end.attempts, end.usage.completionTokens], [2, 400])
    assert.equal(new Set(end.workers).size, 2)
    const resumed = staying.requests.at(-1)
    assert.ok(resumed!.body.max_tokens < 400)
    assert.equal(resumed!.body.messages!.at(-1)!.role, 'assistant')
  })

  test('the only server killed in the middle: the caller hears it, and is served again when it is back', async (t) => {
    const upstream = await startUpstream(t, 'llama-server', { tokenMs: 5 })
    const mesh = await meshOf(t, [upstream.url])
    const dies = mesh.inferIn(
      contextFor(t),
      { ...chat, maxTokens: 400 },
      () => void upstream.down()
    )
    await assert.rejects(dies, { code: /ENGINE_FAILED|NO_ELIGIBLE_WORKER/ })
    await upstream.up()
    await until(async () => {
      const again = await mesh.infer({ ...chat, maxTokens: 8 }).catch(() => null)
      return again?.text === continuation(PROMPT, 8)
    })
  })
})

suite('haif join --engine openai', () => {
  test('makes the models of a server models of the mesh', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const mesh = await startMesh(t, { workers: [] })
    const server = ['--engine', 'openai', '--upstream', upstream.url, '--slots', '3']
    const worker = startHaif(t, ['join', ...server], { env: meshEnv(mesh) })
    await worker.says('model tiny (context 1024, 3 at a time)')
    await mesh.ready()
    assert.equal((await mesh.infer({ ...chat, maxTokens: 5 })).text, continuation(PROMPT, 5))
  })

  test('also as a service, by its environment', async (t) => {
    const upstream = await startUpstream(t, 'llama-server', { key: 'secret' })
    const mesh = await startMesh(t, { workers: [] })
    const keyFile = join(temporaryHome(t), 'key')
    writeFileSync(keyFile, 'secret')
    const settings = { UPSTREAM_URL: upstream.url, UPSTREAM_KEY_FILE: keyFile, MODEL_ID: 'tiny' }
    const worker = startHaif(t, ['service', 'worker'], { env: { ...meshEnv(mesh), ...settings } })
    await worker.says('model is ready')
    await mesh.ready()
    assert.equal((await mesh.infer({ ...chat, maxTokens: 5 })).text, continuation(PROMPT, 5))
    assert.ok(!`${worker.output.stdout}${worker.output.stderr}`.includes('secret'))
  })

  test('without a server to go to says what is missing', async (t) => {
    const mesh = await startMesh(t, { workers: [] })
    const env = meshEnv(mesh)
    const without = await runHaif(t, ['join', '--engine', 'openai'], { env })
    assert.equal(without.code, 2)
    assert.match(without.stderr, /need the server: --upstream .*\(CONFIG_INVALID\)/)
    const early = startHaif(t, ['join', '--upstream', 'http://127.0.0.1:1'], { env })
    await early.says('127.0.0.1:1 cannot be reached (ECONNREFUSED): waiting for it')
  })
})
