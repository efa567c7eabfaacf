/** `haif launch` with programs that only say what they were given. */
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, test } from 'node:test'
import { PROGRAMS } from '../../../cli/ask/programs.ts'
import { runHaif } from '../../helpers/cli.ts'
import { startBridge } from '../../services/http-bridge/bridge.ts'

const folder = await mkdtemp(join(tmpdir(), 'haif-launch-'))
after(() => rm(folder, { recursive: true }))
const MODELS = [
  {
    name: 'haif-tiny',
    createdAt: 0,
    digest: '',
    contextTokens: 0,
    engine: 'llama',
    workers: ['a']
  },
  { name: 'qwen3', createdAt: 0, digest: '', contextTokens: 0, engine: 'llama', workers: ['a'] }
]
const { url } = await startBridge({ after }, { models: MODELS })
const env = { PATH: `${folder}:${process.env['PATH']}`, HAIF_URL: url }

function install(name: string, script: string): void {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

test('every program learns the address, the model and the token', () => {
  const answering = { url: 'http://127.0.0.1:8080', model: 'qwen3', token: 'haif_secret' }
  const contextTokens = 32_768
  for (const [name, { command, install: how, launch }] of PROGRAMS) {
    const { env: set, args } = launch({ ...answering, contextTokens })
    const told = [...Object.values(set), ...args].join('\n')
    for (const part of Object.values(answering)) assert.ok(told.includes(part), `${name}: ${part}`)
    assert.ok(!args.join(' ').includes('haif_secret'), `${name}: others see arguments`)
    const saysContext = ['claude', 'codex', 'opencode'].includes(name)
    assert.equal(told.includes('32768'), saysContext, `${name}: its context`)
    assert.ok(command !== '' && how !== '')
  }
})

test('a program is started with what it needs, and its exit code is ours', async (t) => {
  install('claude', 'echo "$ANTHROPIC_BASE_URL $ANTHROPIC_MODEL [$ANTHROPIC_API_KEY] $*"; exit 7')
  const { stdout, code } = await runHaif(t, ['launch', 'claude', '--', '-p', 'hi there'], {
    env: { ...env, ANTHROPIC_API_KEY: 'of the vendor' }
  })
  assert.equal(stdout, `${url} qwen3 [] -p hi there\n`)
  assert.equal(code, 7)
})

test('--print shows lines for a shell', async (t) => {
  const args = ['launch', 'codex', '--print', '--model', "it's"]
  const { stdout } = await runHaif(t, args, { env })
  assert.match(stdout, /^export HAIF_TOKEN=haif$/m)
  assert.ok(stdout.includes(String.raw`'model="it'\''s"'`), stdout)
})

test('what is not there is said with what to do', async (t) => {
  const cases: [string[], number, RegExp, Record<string, string>?][] = [
    [['launch', 'notepad'], 2, /it knows claude, codex/],
    [['launch', 'goose'], 1, /goose is not installed here: see https/],
    [
      ['launch', 'claude'],
      3,
      /nothing answers at http:\/\/127.0.0.1:9: start HAIF with "haif up"/,
      { HAIF_URL: 'http://127.0.0.1:9' }
    ]
  ]
  for (const [args, exitCode, words, more] of cases) {
    const { stderr, code } = await runHaif(t, args, { env: { ...env, PATH: folder, ...more } })
    assert.match(stderr, words)
    assert.equal(code, exitCode)
  }
})
