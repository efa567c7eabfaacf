/**
 * What no model should write, and answers that end anywhere: readers never throw, what they read
 * depends on the text alone, and no word of it is lost.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  RECORDED_TOOLS,
  FAMILIES,
  type Family
} from '../../../../../../helpers/recorded/recorded.ts'
import { formatOf } from '../../../../../../helpers/recorded/formats.ts'
import { byteVocabulary, readCut, readOutput } from '../../../../../../helpers/recorded/reading.ts'

const isSoak = process.env['HAIF_SOAK'] === '1'
/** One of each kind of format; `HAIF_SOAK=1` takes all families. */
const KINDS = ['Qwen3', 'Mistral Small 3.2', 'gpt-oss', 'GLM-4.6', 'MiniMax-M3', 'Kimi-K3']
const chosen = FAMILIES.filter(({ name }) => isSoak || KINDS.includes(name))

const bound = chosen.map((family) => {
  const { control, tokens, ends } = family
  const vocabulary = byteVocabulary({ control, tokens, ends })
  return { family, options: { vocabulary, format: formatOf(family, vocabulary) } }
})

/** What follows an end is no part of an answer. */
function withoutEnd(text: string, { ends }: Family): string {
  return ends.reduce((rest, end) => rest.split(end, 1)[0]!, text)
}

const WORD = /^word\d+$/
const word = fc.integer({ min: 100, max: 999 }).map((number) => `word${number}`)

/** Words, marks, halves of marks, whole and broken outputs, JSON and noise. */
function pieces(family: Family) {
  const { control, tokens, ends, outputs } = family
  // In a row of messages a header comes behind a mark, and no text.
  const isRow = control.includes('<|message|>') || tokens.includes('<|message|>')
  const isNoMark = new Set([...ends, '<|tool_call:begin|>']) // Solar's id comes behind that one
  const marks = isRow ? [] : [...control, ...tokens].filter((each) => !isNoMark.has(each))
  const broken = ['<tool_call>', '<think>', '</think>', '{"name": "now"', '[', '"', '<', '\n', ' ']
  const whole = fc.constantFrom(...outputs.map(({ output }) => withoutEnd(output, family)))
  const part = whole.chain((output) => fc.nat(output.length).map((at) => output.slice(at)))
  const noise = fc.string({ unit: 'binary', maxLength: 6 })
  const other = fc.oneof(fc.constantFrom(...marks, ...broken), whole, part, noise)
  return fc.array(fc.oneof(word, other), { maxLength: 8 })
}

suite('garbage', () => {
  for (const { family, options } of bound) {
    test(`of ${family.name} is read as the same however it is cut, and with every word`, () => {
      const property = fc.property(
        pieces(family),
        fc.nat(),
        fc.constantFrom('free' as const, 'open' as const),
        fc.boolean(),
        (parts, place, thought, hasTools) => {
          const output = parts.join('')
          const how = { ...options, thought, tools: hasTools ? RECORDED_TOOLS : null }
          const { length, ...whole } = readCut(output, 0, how)
          const { length: _, ...cut } = readCut(output, place % (length + 1), how)
          assert.deepEqual(plain(cut), plain(whole))
          const read = JSON.stringify(whole)
          const lost = parts.filter((part) => WORD.test(part) && !read.includes(part))
          assert.deepEqual(lost, [])
        }
      )
      fc.assert(property, { numRuns: isSoak ? 2_000 : 16 })
    })
  }

  test('text without marks comes at once, so that nothing heaps up', () => {
    const text = `${'A < b, {c: "d"} and [e] f. '.repeat(40)}\n`
    for (const { family, options } of bound) {
      let given = 0
      let shown = 0
      const onToken = (token: string, content: string): void => {
        given += token.length
        shown += content.length
        assert.ok(given - shown < HELD_MAX, `${family.name} holds ${given - shown} characters`)
      }
      const { content } = readOutput(text, { ...options, tools: RECORDED_TOOLS, onToken })
      assert.equal(content, text, family.name)
    }
  })
})

/** The longest mark, and the white space that may belong to it. */
const HELD_MAX = 128

/** Halves of a character are JSON escapes where a cut was between them. */
function plain({ calls, ...said }: Omit<ReturnType<typeof readCut>, 'length'>) {
  const parts = calls.map((call) => [call.id, call.name, call.arguments.replace(HALF, unescaped)])
  return [said, parts]
}
const HALF = /\\u(d[89a-f][\da-f]{2})/g
const unescaped = (_: string, code: string) => String.fromCharCode(Number.parseInt(code, 16))

test('an answer that max_tokens cuts inside of a mark shows nothing of the mark', () => {
  const titles = ['thought', 'said and called', 'thought and called', 'typed']
  for (const { family, options } of bound) {
    for (const { title, output, opened, ...expected } of family.outputs) {
      // The first letters of Firefunction's `functools` may be those of any word.
      if (!titles.includes(title) || family.name === 'Firefunction 2') continue
      const count = options.vocabulary.tokenize(output, { special: true }).length
      for (let maxTokens = 1; maxTokens < count; maxTokens += isSoak ? 1 : 11) {
        const thought = opened ? ('open' as const) : ('free' as const)
        const how = { ...options, thought, tools: RECORDED_TOOLS, maxTokens }
        const { content, reasoning } = readOutput(output, how)
        const message = `${family.name}, ${title}, ${maxTokens}: ${content} ${reasoning}`
        assert.ok(expected.content.startsWith(content.trimEnd()), message)
        assert.ok(expected.reasoning.startsWith(reasoning.trimEnd()), message)
      }
    }
  }
})
