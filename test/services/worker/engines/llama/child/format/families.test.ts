/** What models of each family write is read as what it means, however it comes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutputFormat } from '../../../../../../../services/worker/engines/llama/child/format/output-format.ts'
import type { Vocabulary } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'
import { FAMILIES, RECORDED_TOOLS, STANDARD } from '../../../../../../helpers/recorded/recorded.ts'
import { formatOf } from '../../../../../../helpers/recorded/formats.ts'
import { byteVocabulary, readCut, readOutput } from '../../../../../../helpers/recorded/reading.ts'

type Read = Pick<ReturnType<typeof readOutput>, 'content' | 'reasoning' | 'calls'>

const meaningOf = ({ content, reasoning, calls }: Read) => ({
  content,
  reasoning: reasoning.trim(),
  calls: calls.map((call) => [call.name, JSON.parse(call.arguments) as unknown])
})

/** All places take minutes: `HAIF_SOAK=1` cuts at each of them. Tokens are bytes, in any case. */
const STEP = process.env['HAIF_SOAK'] === '1' ? 1 : 61

for (const family of FAMILIES) {
  test(`the outputs of ${family.name}`, () => {
    const { control, ends, tokens, outputs } = family
    const vocabulary = byteVocabulary({ control, tokens, ends })
    // Files differ in which marks are control tokens: llama.cpp changes some, converters others.
    const texts = control.filter((mark) => !ends.includes(mark))
    const asTexts = byteVocabulary({ control: ends, tokens: [...texts, ...tokens], ends })
    const format = formatOf(family, vocabulary)
    const formatOfTexts = formatOf(family, asTexts)

    for (const [i, { title, output, opened, content, reasoning, calls }] of outputs.entries()) {
      const expected = { content, reasoning, calls }
      const optionsOf = (by: OutputFormat, words: Vocabulary) => {
        const thought = opened ? ('open' as const) : ('free' as const)
        return { format: by, vocabulary: words, tools: RECORDED_TOOLS, thought }
      }
      const options = optionsOf(format, vocabulary)
      assert.deepEqual(meaningOf(readOutput(output, options)), expected, title)
      const { length } = readCut(output, 0, options)
      for (let at = i; at < length; at += STEP) {
        assert.deepEqual(meaningOf(readCut(output, at, options)), expected, `${title}, ${at}`)
      }
      if (!(title in STANDARD)) continue // only a token is a mark wherever it stands
      const plain = optionsOf(formatOfTexts, asTexts)
      assert.deepEqual(meaningOf(readOutput(output, plain)), expected, `${title}, marks as text`)
    }
  })
}

test('no character of a text is taken for a mark', () => {
  const text = 'A snake 🐍, a rat 🐀 and 𐀀.'
  for (const family of FAMILIES) {
    const vocabulary = byteVocabulary(family)
    const options = { format: formatOf(family, vocabulary), vocabulary, tools: RECORDED_TOOLS }
    assert.equal(readOutput(text, options).content, text, family.name)
  }
})
