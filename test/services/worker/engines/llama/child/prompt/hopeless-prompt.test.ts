import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseHopeless } from '../../../../../../../services/worker/engines/llama/child/prompt/hopeless-prompt.ts'
import type { Token } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'

/** A vocabulary with tokens of four characters, which counts what it is asked to read. */
function counting() {
  const seen = { characters: 0 }
  const tokenize = (text: string): Token[] => {
    seen.characters += text.length
    return Array.from({ length: Math.ceil(text.length / 4) }, () => 0 as Token)
  }
  return { seen, vocabulary: { tokenize } }
}
const direct = (length: number) => ({ mode: 'direct' as const, prompt: 'x'.repeat(length) })

test('a prompt that is far too long is refused after about a context of it', () => {
  const { seen, vocabulary } = counting()
  assert.throws(() => refuseHopeless(direct(4_000_000), vocabulary, 32_768), {
    code: 'CONTEXT_TOO_LONG',
    message: /^the prompt has more than \d+ tokens and the model's context 32768: shorten/
  })
  assert.ok(seen.characters < 160_000, `${seen.characters} characters were read`)
})

test('messages count together', () => {
  const { vocabulary } = counting()
  const message = { role: 'user' as const, content: 'x'.repeat(100_000) }
  const input = { mode: 'chat' as const, messages: Array.from({ length: 9 }, () => message) }
  assert.throws(() => refuseHopeless(input, vocabulary, 4096), { code: 'CONTEXT_TOO_LONG' })
})

test('what may fit is left to the one who counts exactly, and short texts are not read twice', () => {
  const { seen, vocabulary } = counting()
  refuseHopeless(direct(8 * 4096), vocabulary, 4096)
  refuseHopeless({ mode: 'tokens', tokenIds: Array(9999).fill(1) }, vocabulary, 512)
  assert.equal(seen.characters, 0)
  const wide = { tokenize: (text: string) => (text === '' ? [] : [0 as Token]) }
  refuseHopeless(direct(1_000_000), wide, 512)
})
