/** The programs of `examples/` that people copy, run as they are against a real mesh. */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { simAnswer } from '../../services/worker/engines/sim/sim-text.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { until } from '../helpers/until.ts'
import { startOpenAiMesh } from '../services/http-bridge/openai/openai-mesh.ts'
import { patience } from '../helpers/deadline.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))
const LINES_MAX = 40
const RUN_MS_MAX = 30_000

/** What `sim` says to a prompt. */
const said = (prompt: string, tokens = 6): string =>
  Array.from({ length: tokens }, (_, index) => simAnswer(prompt)(index).text).join('')

const QUESTION = 'user: What is HAIF?'
const why = (command: string) =>
  spawnSync(command, ['--version']).error === undefined ? false : `no ${command} on this machine`

test('the programs', async (t) => {
  const mesh = await startOpenAiMesh(t, { llama: true })
  const run = (command: string, file: string, model: string) =>
    start(t, command, file, { HAIF_URL: mesh.url, HAIF_MODEL: model })
  const result = async (command: string, file: string, model: string) => {
    const program = run(command, file, model)
    assert.equal(await program.code, 0, `${file}: ${program.output()}`)
    return program.output()
  }

  await t.test('openai.mjs streams a chat, and runs a tool where the model calls one', async () => {
    const [calling, tiny] = await Promise.all([
      result(process.execPath, 'openai.mjs', 'sim'),
      result(process.execPath, 'openai.mjs', 'haif-tiny')
    ])
    const [chat, call, answer, ...rest] = calling.trimEnd().split('\n')
    assert.equal(chat, said(QUESTION))
    assert.match(call!, /^get_weather w\w+$/)
    assert.equal(answer!.split(' ').length, 6)
    assert.deepEqual(rest, [])
    assert.match(tiny, /HAIF.*\nget_weather .*\n/s) // a toy, but its calls are calls
  })

  await t.test('ai-sdk.mjs streams text, and gets an object or the reason why not', async () => {
    const [formed, refused] = await Promise.all([
      result(process.execPath, 'ai-sdk.mjs', 'haif-tiny'),
      result(process.execPath, 'ai-sdk.mjs', 'sim')
    ])
    assert.match(formed, /\n\d+ tokens\n\{ name: '(Ann|Bob)', age: '[78]' \}\n$/)
    assert.ok(refused.startsWith(`${said(QUESTION)}\n6 tokens\nno object: `), refused)
  })

  await t.test('haif_client.py streams an answer', { skip: why('python3') }, async () => {
    assert.equal(
      await result('python3', 'plain-python/haif_client.py', 'sim'),
      `${said(QUESTION)}\n`
    )
  })

  await t.test('langchain.mjs streams through a chain', async () => {
    const text = await result(process.execPath, 'langchain.mjs', 'sim')
    assert.equal(text, `${said(`system: Answer in one sentence.\n${QUESTION}`)}\n`)
  })

  await t.test(
    'curl.sh shows the models and an answer in three forms',
    { skip: why('curl') },
    async () => {
      const text = await result('sh', 'curl.sh', 'sim')
      assert.match(text, /^\{"object":"list"/)
      assert.equal(text.split(said(QUESTION)).length, 3) // the two that come whole
      assert.match(text, /\ndata: \[DONE\]\n/)
      const nobody = run('sh', 'curl.sh', 'nobody')
      assert.notEqual(await nobody.code, 0)
      assert.match(nobody.output(), /model_not_found/)
    }
  )

  await t.test('python_openai.py is Python', { skip: why('python3') }, () => {
    const { status, stderr } = spawnSync(
      'python3',
      ['-m', 'py_compile', `${EXAMPLES}python_openai.py`],
      { env: { ...process.env, PYTHONPYCACHEPREFIX: tmpdir() }, encoding: 'utf8' }
    )
    assert.equal(status, 0, stderr)
  })

  await t.test('cli: a question goes with what was said before it', async () => {
    const { child, code, output } = run(process.execPath, 'cli/chat.mjs', 'sim')
    child.stdin!.write('one\n')
    const first = said('user: one')
    await until(() => output().includes(`${first}\n`))
    child.stdin!.end('two\n')
    assert.equal(await code, 0)
    assert.ok(output().includes(`${said(`user: one\nassistant: ${first}\nuser: two`)}\n`), output())
  })

  await t.test('cli: Ctrl-C stops the answer and the worker, and then the program', async () => {
    const { child, code, output } = run(process.execPath, 'cli/chat.mjs', 'slow')
    child.stdin!.write('one\n')
    await until(() => output().includes(said('user: one', 3)))
    child.kill('SIGINT')
    await until(() => output().includes('(stopped)'))
    await mesh.idle()
    child.stdin!.write('two\n')
    await until(() => mesh.running() === 1) // it still answers
    child.kill('SIGINT')
    await until(() => output().split('(stopped)').length === 3)
    child.kill('SIGINT')
    assert.equal(await code, 130)
  })

  await t.test('cli: a failure is a sentence, and the chat goes on', async () => {
    const { child, code, output } = run(process.execPath, 'cli/chat.mjs', 'nobody')
    child.stdin!.end('one\ntwo\n')
    assert.equal(await code, 0)
    assert.equal(output().split('no worker holds nobody').length, 3, output())
  })
})

test('each program is short and has its line in the README', () => {
  const page = readFileSync(`${EXAMPLES}README.md`, 'utf8')
  const names = readdirSync(EXAMPLES).filter((name) => name !== 'README.md')
  for (const name of names) {
    assert.equal(page.split('\n').filter((line) => line.startsWith(`| [${name}`)).length, 1, name)
  }
  const programs = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  for (const name of programs.filter((one) => /^(cli\/)?[^/]+\.(mjs|py|sh)$/.test(one))) {
    const lines = readFileSync(EXAMPLES + name, 'utf8').split('\n').length - 1
    assert.ok(lines <= LINES_MAX, `${name} has ${lines} lines`)
  }
})

interface Program {
  child: ChildProcess
  code: Promise<number | null>
  /** Of both streams, so far. */
  output: () => string
}

function start(t: TestContext, command: string, file: string, env: object): Program {
  const child = spawn(command, [EXAMPLES + file], {
    env: { PATH: process.env['PATH'], ...env },
    timeout: patience(RUN_MS_MAX),
    killSignal: 'SIGKILL'
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  child.stdin.on('error', () => {}) // it may end before all is written
  const { promise: code, resolve } = Promise.withResolvers<number | null>()
  child.on('close', resolve)
  atEnd(t, async () => {
    child.kill('SIGKILL')
    await code
  })
  return { child, code, output: () => output }
}
