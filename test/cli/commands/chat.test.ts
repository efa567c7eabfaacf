import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { simAnswer } from '../../../services/worker/engines/sim/sim-text.ts'
import { meshEnv, runHaif, startHaif, temporaryHome } from '../../helpers/cli.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'

const answer = (prompt: string, tokens: number): string => {
  const tokenAt = simAnswer(prompt)
  return Array.from({ length: tokens }, (_, i) => tokenAt(i).text).join('')
}

test('each line is a turn, and the model sees the turns before it', async (t) => {
  const mesh = await startMesh(t)
  const input = 'hello\n\nand then?\n/clear\nhello\n/exit\nnever\n'
  const args = ['chat', '--max-tokens', '4', '--system', 'be brief']
  const { code, stdout, stderr } = await runHaif(t, args, { env: meshEnv(mesh), input })
  const first = answer('system: be brief\nuser: hello', 4)
  const history = `system: be brief\nuser: hello\nassistant: ${first}\nuser: and then?`
  assert.equal(stdout, `${first}\n${answer(history, 4)}\n${first}\n`)
  assert.equal(code, 0)
  const worker = mesh.meshes.at(-1)!.key.slice(0, 8)
  assert.match(stderr, /^sim answers\n/)
  assert.match(
    stderr,
    new RegExp(`\n4 tokens, [\\d.]+ tokens/s, first token after \\d+ ms, worker ${worker}\n`)
  )
})

test('/explain says why a worker was chosen, /save writes the conversation and never over a file', async (t) => {
  const mesh = await startMesh(t)
  const file = join(temporaryHome(t), 'chat.md')
  const input = `/explain\nhello\n/save ${file}\n/save ${file}\n/save\n`
  const args = ['chat', '--max-tokens', '4']
  const { stderr } = await runHaif(t, args, { env: meshEnv(mesh), input })
  const worker = mesh.meshes.at(-1)!.key.slice(0, 8)
  assert.match(stderr, new RegExp(`\nworker ${worker}: .+\n`))
  assert.match(stderr, /chat\.md cannot be written: it exists already; choose another name/)
  assert.match(stderr, /^where to\? \/save FILE$/m)
  assert.equal(
    readFileSync(file, 'utf8'),
    `## You\n\nhello\n\n## Model\n\n${answer('user: hello', 4)}\n`
  )
})

test('commands change the model and the system text; a failure does not end the chat', async (t) => {
  const mesh = await startMesh(t, { workers: [{}, { name: 'other' }] })
  const input = [
    '/models',
    '/model nobody',
    '/model other',
    'hello',
    '/system be brief',
    '/clear',
    'hello',
    '/dance',
    '/model',
    '/help'
  ].join('\n')
  const args = ['chat', '--max-tokens', '4', '--model', 'gone']
  const { code, stdout, stderr } = await runHaif(t, args, {
    env: meshEnv(mesh),
    input: `hello\n${input}`
  })
  assert.equal(code, 0)
  assert.equal(
    stdout,
    `${answer('user: hello', 4)}\n${answer('system: be brief\nuser: hello', 4)}\n`
  )
  const lines = [
    /^gone answers\n/, // as was asked for
    /no worker holds gone; there are other, sim \(MODEL_NOT_FOUND\)/,
    /^ {2}other {2}1 worker {2}context 8192 {2}sim$/m,
    /^no worker has nobody ready$/m,
    /^other answers$/m,
    /^there is no \/dance; the commands are:$/m,
    /^which one\? \/model NAME$/m
  ]
  for (const line of lines) assert.match(stderr, line)
})

test('Ctrl-C stops the answer and not the program; without an answer it leaves', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 20 }] })
  const args = ['chat', '--max-tokens', '4000']
  const chat = startHaif(t, args, { env: meshEnv(mesh), input: null })
  chat.child.stdin!.write('one\n')
  await chat.says(answer('user: one', 3))
  chat.child.kill('SIGINT')
  await chat.says('stopped\n')
  const stopped = chat.output.stdout.trimEnd()
  assert.ok(answer('user: one', 4000).startsWith(stopped))

  chat.child.stdin!.write('two\n')
  await chat.says(answer(`user: one\nassistant: ${stopped}\nuser: two`, 3))
  chat.child.kill('SIGINT')
  await chat.says('stopped\n')
  chat.child.stdin!.write('/help\n')
  await chat.says('/system TEXT')
  chat.child.kill('SIGINT')
  assert.equal((await chat.result).code, 130)
})

test('the built-in model is announced as what it is', async (t) => {
  const mesh = await startMesh(t, { workers: [{ name: 'haif-tiny' }] })
  const { stderr } = await runHaif(t, ['chat'], { env: meshEnv(mesh) })
  assert.match(stderr, /^haif-tiny answers\nhaif-tiny is the built-in model .+ not an assistant/)
})
