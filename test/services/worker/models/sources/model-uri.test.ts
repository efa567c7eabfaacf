import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  modelArgument,
  modelSource
} from '../../../../../services/worker/models/sources/model-uri.ts'
import { sha256, shelve, temporaryFolder } from '../../weights/seeds.ts'

test('a model has the name of its file, or of its repository and quantisation', () => {
  const named = (uri: string, name?: string) =>
    modelSource(uri, { folder: '/models', ...(name === undefined ? {} : { name }) })
  const names = {
    builtin: 'haif-tiny',
    'models/Qwen2.5-Q4_K_M.gguf': 'qwen2.5-q4_k_m',
    '/models/big-00001-of-00003.gguf': 'big',
    'hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M': 'qwen2.5-0.5b-instruct-q4_k_m',
    'hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF': 'qwen2.5-0.5b-instruct',
    'hf:user/repo/Q4/Model-Q4-00001-of-00002.gguf': 'model-q4',
    'hf:user/repo/model.gguf#v2': 'model',
    sim: 'sim',
    'sim:other?slots=2': 'other'
  }
  for (const [uri, name] of Object.entries(names)) {
    assert.equal(named(uri).name, name, uri)
    assert.equal(named(uri, 'mine').name, 'mine', uri)
    assert.equal(named(uri).engine, uri.startsWith('sim') ? 'sim' : 'llama', uri)
  }
})

test('what is no URI of a model is refused with what it may be', () => {
  const uris = ['', 'gpt-4', 'hf:', 'hf:user', 'hf:user/repo/../x.gguf', 'https://x.y/z.gguf']
  for (const uri of [...uris, 'sim:a?speed=3', 'sim?slots=0', 'hf:user/repo:Q4:Q5']) {
    assert.throws(() => modelSource(uri, { folder: '/models' }), { code: 'CONFIG_INVALID' }, uri)
  }
  const tooLong = { folder: '/models', name: 'x'.repeat(257) }
  assert.throws(() => modelSource('sim', tooLong), { code: 'CONFIG_INVALID' })
})

test('a simulated model takes its settings from the URI', async () => {
  const source = modelSource('sim:fast?slots=3&decode=inf&context=64&answer=5', { folder: '/' })
  const engine = await source.open(() => {})
  const { name, contextTokens } = await engine.load()
  assert.deepEqual({ name, contextTokens }, { name: 'fast', contextTokens: 64 })
  assert.equal(engine.metrics().slots, 3)
  const request = { input: { mode: 'direct', prompt: 'x' }, maxTokens: 50, sampling: {} } as const
  const answer = engine.generate(request, new AbortController().signal)
  let tokens = 0
  for await (const { tokenIds } of answer) tokens += tokenIds.length
  assert.equal(tokens, 5)
})

test('a person may give a model another name', () => {
  const named = (text: string) => modelArgument(text, { folder: '/models' }).name
  assert.equal(named('mine=sim:other?slots=2'), 'mine')
  assert.equal(named('sim:other?slots=2'), 'other')
  assert.equal(named('../a=b.gguf'), 'a=b')
})

test('a file that is not there is MODEL_LOAD_FAILED, and says which', async (t) => {
  const path = '/nowhere/gone.gguf'
  const engine = await modelSource(path, { folder: '/models' }).open(() => {})
  t.after(() => engine.close())
  await assert.rejects(engine.load(), (error: Error & { code?: string }) => {
    return error.code === 'MODEL_LOAD_FAILED' && error.message.includes(path)
  })
})

test('a model is expected sooner where its files are here', async (t) => {
  const folder = await temporaryFolder(t)
  const digest = sha256(Buffer.from('weights'))
  const uri = `sha256:${digest}`
  const source = modelSource(uri, { folder })
  assert.deepEqual([source.name, source.uri], [digest.slice(0, 12), uri])
  const hub = modelSource('hf:user/repo/part.gguf', { folder })
  assert.ok((source.expect!().loadMs ?? 0) > 1500 && (hub.expect!().loadMs ?? 0) > 1500)
  await shelve(join(folder, '.mesh', digest), 'model', Buffer.from('weights'))
  await shelve(join(folder, 'user', 'repo'), 'part-00001-of-00002', Buffer.from('weights'))
  assert.deepEqual([source.expect!(), hub.expect!()], [{}, {}])
})
