/**
 * The built-in model as it is shipped: the behaviours that a person meets in the first minute, and
 * the recipe that made them.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { readGgufFileInfo } from 'node-llama-cpp'
import { openModel, type Asking } from '../../../tools/haif-tiny/ask.ts'
import { exchange, type Chat, type Message } from '../../../tools/haif-tiny/chats/chat.ts'
import { makeChats, makeLongChats } from '../../../tools/haif-tiny/corpus.ts'
import { isHeldOut } from '../../../tools/haif-tiny/held-out.ts'
import { WHAT_IS_HAIF } from '../../../tools/haif-tiny/knowledge/haif.ts'
import { learnMerges } from '../../../tools/haif-tiny/merges.ts'

const FILE = fileURLToPath(
  new URL('../../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
)
const REFUSAL = /^(I do not know that|That is too hard|I do not understand)/

let model: Asking
before(async () => {
  model = await openModel(FILE)
})
after(() => model.close())

const answer = async (...messages: Message[]): Promise<string> => (await model.chat(messages)).text
const ask = (question: string): Promise<string> => answer(['user', question])

test('the file says what it is', async () => {
  const { metadata } = await readGgufFileInfo(FILE, { logWarnings: false })
  assert.equal(metadata.general.name, 'HAIF tiny')
  assert.equal(metadata.general.basename, 'haif-tiny')
  assert.equal(metadata.general.license, 'MIT')
  assert.ok((await stat(FILE)).size < 1.3 * 2 ** 20)
})

test('it says what HAIF is, however one asks', async () => {
  for (const question of [
    'What is HAIF?',
    'what is haif',
    'What is HAIF',
    'Tell me about HAIF.',
    'Explain HAIF.',
    'What does HAIF do?',
    'Hi! What is HAIF?'
  ]) {
    assert.equal(await ask(question), WHAT_IS_HAIF, question)
  }
})

test('a system prompt does not distract it', async () => {
  for (const system of ['You are a helpful assistant.', 'Speak like a pirate.']) {
    assert.equal(await answer(['system', system], ['user', 'What is HAIF?']), WHAT_IS_HAIF, system)
  }
})

test('it answers a bare prompt too', async () => {
  assert.equal((await model.complete('What is HAIF?')).text, WHAT_IS_HAIF)
})

test('the first answer is 25 to 60 tokens long, enough to see it stream', async () => {
  const { tokens } = await model.chat([['user', 'What is HAIF?']])
  assert.ok(tokens >= 25 && tokens <= 60, `${tokens} tokens`)
})

test('it knows that it is tiny', async () => {
  assert.match(await ask('Who are you?'), /tiny built-in model of HAIF/)
})

test('it knows how to start, how to join and how to get a larger model', async () => {
  assert.match(await ask('How do I start HAIF?'), /npm start.*http:\/\/127\.0\.0\.1:8080/)
  assert.match(await ask('How do I add a machine?'), /haif join <topic key>/)
  assert.match(await ask('How do I use a bigger model?'), /--model hf:Qwen\/Qwen3-4B-GGUF:Q4_K_M/)
})

test('it copies a name that it has never seen', async () => {
  assert.ok(isHeldOut('Zorvan'))
  const told = exchange('My name is Zorvan.', await ask('My name is Zorvan.'))
  assert.match(await answer(...told, ['user', 'What is my name?']), /Zorvan/)
})

test('it repeats words that it has never seen', async () => {
  for (const text of ['Hello world', 'hello world', 'zorvan']) {
    assert.equal(await ask(`Repeat: ${text}`), text)
  }
})

test('it adds and subtracts numbers that it has never added or subtracted', async () => {
  for (const [a, operator, b, result] of heldOutSums()) {
    assert.equal(await ask(`What is ${a} ${operator} ${b}?`), `${a} ${operator} ${b} = ${result}`)
  }
})

test('it says that it does not know', async () => {
  for (const question of [
    'Who was Albert Einstein?',
    'What is photosynthesis?',
    'Write a poem about rain',
    'asdf jkl',
    'fjdksla'
  ]) {
    assert.match(await ask(question), REFUSAL, question)
  }
})

test('it tells a story of 40 to 80 tokens', async () => {
  const { text, tokens } = await model.chat([['user', 'Tell me a story about a fox.']])
  assert.match(text, /^Once upon a time there was .* fox named/)
  assert.ok(tokens >= 40 && tokens <= 80, `${tokens} tokens`)
})

test('the corpus is the same on every run and machine', () => {
  assert.equal(digest(makeChats(1).take(2000)), digest(makeChats(1).take(2000)))
  assert.notEqual(digest(makeChats(1).take(2000)), digest(makeChats(2).take(2000)))
  assert.equal(digest(makeLongChats(1).take(50)), digest(makeLongChats(1).take(50)))
})

test('no sum and no word that is held out occurs in the corpus', () => {
  for (const { messages } of makeChats(3).take(5000)) {
    for (const [, text] of messages) {
      const sum = /^(\d{1,2}) ([+-]) (\d{1,2}) = /.exec(text)
      if (sum) assert.ok(!isHeldOut(`${sum[1]}${sum[2]}${sum[3]}`), text)
      assert.doesNotMatch(text, /zorvan/i)
    }
  }
})

test('a word has the same pieces with and without a space in front', () => {
  const texts = Array.from({ length: 30 }, () => 'the other weather, other feather')
  const merges = learnMerges(texts, 24)
  const spaced = merges.findIndex(([left]) => left === 'Ġ')
  assert.ok(spaced > 0)
  assert.ok(merges.slice(0, spaced).every(([, right]) => !right.includes('Ġ')))
  assert.ok(merges.slice(spaced).every(([left]) => left === 'Ġ'))
})

function digest(chats: Iterable<Chat>): string {
  return createHash('sha256')
    .update(JSON.stringify([...chats]))
    .digest('hex')
}

function heldOutSums(): [number, string, number, number][] {
  const found: [number, string, number, number][] = []
  for (let a = 21; a < 60 && found.length < 4; a += 2) {
    for (const b of [11, 14, 18]) {
      if (isHeldOut(`${a}+${b}`)) found.push([a, '+', b, a + b])
    }
  }
  return found
}
