import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BLOCK_CHARACTERS,
  PrefixIndex,
  prefixChain
} from '../../../../services/orchestrator/prefixes/prefix-index.ts'

const chain = (prompt: string, model = 'm') => prefixChain(model, { mode: 'direct', prompt })
const block = (letter: string) => letter.repeat(BLOCK_CHARACTERS)

test('prompts that begin alike share the beginning of their chains', () => {
  const one = chain(block('a') + block('b') + block('c'))
  const two = chain(block('a') + block('b') + block('d'))
  assert.equal(one.length, 3)
  assert.deepEqual(one.slice(0, 2), two.slice(0, 2))
  assert.notEqual(one[2], two[2])
})

test('the same block after another beginning, or for another model, is another block', () => {
  assert.notEqual(chain(block('a') + block('x'))[1], chain(block('b') + block('x'))[1])
  assert.notEqual(chain(block('a'))[0], chain(block('a'), 'other')[0])
})

test('a change of any character changes the block that it is in and all after it', () => {
  const prompt = block('a') + block('b') + block('c')
  const before = chain(prompt)
  for (let at = 0; at < prompt.length; at++) {
    const after = chain(`${prompt.slice(0, at)}\u4e2d${prompt.slice(at + 1)}`)
    const changed = Math.floor(at / BLOCK_CHARACTERS)
    for (const [i, hash] of after.entries()) assert.equal(hash === before[i], i < changed)
  }
})

test('different blocks have different hashes', () => {
  const hashes = Array.from({ length: 20_000 }, (_, i) => chain(`${i} `.padEnd(256, 'x'))[0])
  assert.equal(new Set(hashes).size, 20_000)
})

test('an incomplete block is left out', () => {
  assert.deepEqual(chain('short'), [])
  assert.equal(chain(`${block('a')}more`).length, 1)
})

test('a chat is cut the same whatever its messages: it goes on where the last turn ended', () => {
  const messages = [{ role: 'user' as const, content: block('a') }]
  const first = prefixChain('m', { mode: 'chat', messages })
  const longer = [...messages, { role: 'assistant' as const, content: block('b') }]
  const second = prefixChain('m', { mode: 'chat', messages: longer })
  assert.deepEqual(second.slice(0, first.length), first)
})

test('a lookup says how much of the prompt each worker has seen', () => {
  const index = new PrefixIndex()
  index.remember(chain(block('a') + block('b')), 'w1')
  index.remember(chain(block('a') + block('c')), 'w2')
  const seen = index.lookup(chain(block('a') + block('b') + block('z')))
  assert.deepEqual(Object.fromEntries(seen), { w1: 2 * BLOCK_CHARACTERS, w2: BLOCK_CHARACTERS })
  assert.equal(index.size, 3) // the shared block is there once
})

test('remembering says where in a prompt begins what was not known of the worker', () => {
  const index = new PrefixIndex()
  const two = chain(block('a') + block('b'))
  const three = chain(block('a') + block('b') + block('c'))
  assert.equal(index.remember(two, 'w1'), 0)
  assert.equal(index.remember(three, 'w1'), 2)
  assert.equal(index.remember(three, 'w1'), 3)
  assert.equal(index.remember(three, 'w2'), 0)
  // A beginning that many share forgets who had it first; what is deeper still counts.
  for (let i = 0; i < 8; i++) index.remember(two, `other${i}`)
  assert.equal(index.remember(three, 'w1'), 3)
})

test('it is bounded, and forgets what was not used for longest', () => {
  const index = new PrefixIndex()
  const prompt = (i: number) => chain(`${i} `.padEnd(256 * BLOCK_CHARACTERS, 'x'))
  index.remember(prompt(0), 'w')
  for (let i = 1; i <= 300; i++) {
    index.remember(prompt(i), 'w')
    if (i % 50 === 0) index.remember(prompt(0), 'w') // still in use
  }
  assert.ok(index.size <= 65_536 && index.size >= 32_768)
  assert.equal(index.lookup(prompt(0)).size, 1)
  assert.equal(index.lookup(prompt(1)).size, 0)
})
