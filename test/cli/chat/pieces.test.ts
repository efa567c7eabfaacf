import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { describeAnswerOptions, readAnswerOption } from '../../../cli/chat/answer-options.ts'
import { Blocks } from '../../../cli/chat/blocks.ts'
import { CHAT_HELP, commandNamed, completionsFor } from '../../../cli/chat/chat-commands.ts'
import { Conversation } from '../../../cli/chat/conversation.ts'
import { ChatHistory } from '../../../cli/chat/history.ts'
import { temporaryHome } from '../../helpers/cli.ts'

test('lines between two """ are one question, or one text of a command', () => {
  const read = (...lines: string[]) => {
    const blocks = new Blocks()
    return lines.map((line) => blocks.read(line))
  }
  assert.deepEqual(read('plain "quoted"', 'x = """ in the middle'), [
    'plain "quoted"',
    'x = """ in the middle'
  ])
  assert.deepEqual(read('"""one', '', '  two"""', 'next'), [null, null, 'one\n\n  two', 'next'])
  assert.deepEqual(read('"""', 'a', '"""'), [null, null, '\na'])
  assert.deepEqual(read('"""in one line"""'), ['in one line'])
  assert.deepEqual(read('/system """', 'be', 'brief"""'), [null, null, '/system be\nbrief'])
  assert.deepEqual(read('/set system """be', 'brief', '"""'), [null, null, '/set system be\nbrief'])
})

test('commands and names of models are completed', () => {
  const models = ['qwen3-4b', 'qwen3-8b', 'gemma3-1b']
  assert.deepEqual(completionsFor('/re', models), [['/retry '], '/re'])
  assert.deepEqual(completionsFor('/mod', models), [['/model', '/models'], '/mod'])
  assert.deepEqual(completionsFor('/model qw', models), [['qwen3-4b', 'qwen3-8b'], 'qw'])
  assert.deepEqual(completionsFor('/model g', models), [['gemma3-1b '], 'g'])
  assert.deepEqual(completionsFor('/set te', models), [['temperature '], 'te'])
  assert.deepEqual(completionsFor('a question /mod', models), [[], 'a question /mod'])
  assert.deepEqual(['?', 'bye', 'quit', 'save'].map(commandNamed), ['help', 'exit', 'exit', 'save'])
  for (const name of ['/retry', '/set NAME VALUE', '/bye', '/?', '"""']) {
    assert.ok(CHAT_HELP.includes(name), name)
  }
})

test('/set reads what the options of the command read, and says what it cannot use', () => {
  const problem = (name: string, value: string): string => {
    const read = readAnswerOption(name, value)
    assert.ok(typeof read === 'string')
    return read
  }
  assert.deepEqual(readAnswerOption('temperature', '0.5'), { temperature: 0.5 })
  assert.deepEqual(readAnswerOption('max-tokens', '50'), { maxTokens: 50 })
  assert.match(problem('temperature', '9'), /temperature 9 cannot.*0 to 2/)
  assert.match(problem('colour', 'red'), /takes temperature, top-p/)
  assert.equal(
    describeAnswerOptions({ temperature: 0, maxTokens: 5 }),
    'temperature 0, max-tokens 5'
  )
})

test('a question that is asked again takes the place of its answer', () => {
  const conversation = new Conversation(undefined)
  conversation.keep('one', '1')
  conversation.keep('two', '2')
  conversation.retract('one')
  conversation.retract('two')
  assert.deepEqual(
    conversation.asking('three').map(({ content }) => content),
    ['one', '1', 'three']
  )
})

test('the history lasts, has a bound, and is read by its owner alone', (t) => {
  const file = join(temporaryHome(t), 'chat-history')
  assert.deepEqual(new ChatHistory(file).read(), [])
  const [one, other] = [new ChatHistory(file), new ChatHistory(file)]
  one.add('first')
  other.add('second␊line')
  one.add(' secret')
  one.add('x'.repeat(10_001))
  assert.deepEqual(new ChatHistory(file).read(), ['second␊line', 'first'])
  if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600)
  writeFileSync(file, Array.from({ length: 2500 }, (_, i) => `line ${i}\n`).join(''))
  assert.equal(new ChatHistory(file).read().length, 1000)
  assert.equal(readFileSync(file, 'utf8').split('\n').length, 1001)
  if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600)
  new ChatHistory(join(file, 'no-folder')).add('lost')
})
