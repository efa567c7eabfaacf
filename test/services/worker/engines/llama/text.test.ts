/** From tokens to the text that may be shown: UTF-8 at every cut, stop texts over token borders. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  Answer,
  type AnswerLimits
} from '../../../../../services/worker/engines/llama/child/answer/answer.ts'
import { StopMatcher } from '../../../../../services/worker/engines/llama/child/answer/stop-matcher.ts'
import { TokenText } from '../../../../../services/worker/engines/llama/child/answer/token-text.ts'
import { isToken } from '../../../../../services/worker/engines/llama/child/tokens.ts'

/** A vocabulary whose tokens are single bytes, the worst that can happen to a character. */
function bytesOf(text: string | Uint8Array) {
  return [...Buffer.from(text)].filter((byte) => isToken(byte, 256))
}
const detokenize = (tokens: readonly number[]) => Buffer.from(tokens).toString('utf8')

const pieces = (tokens: ReturnType<typeof bytesOf>) => {
  const text = new TokenText(detokenize, [])
  return [...tokens.map((token) => text.push(token)), text.flush()]
}

suite('token text', () => {
  test('a character comes with its last byte', () => {
    assert.deepEqual(pieces(bytesOf('a€b')), ['a', '', '', '€', 'b', ''])
    assert.deepEqual(pieces(bytesOf('😀')), ['', '', '', '😀', ''])
  })

  test('bytes that fit nothing are shown as soon as that is certain', () => {
    assert.deepEqual(pieces(bytesOf(Uint8Array.of(0xe2, 0x41))), ['', '\uFFFDA', ''])
    assert.deepEqual(pieces(bytesOf(Uint8Array.of(0xe2, 0x82))), ['', '', '\uFFFD'])
  })

  test('a replacement character that the model means is kept', () => {
    assert.equal(pieces(bytesOf('x\uFFFDy')).join(''), 'x\uFFFDy')
    assert.equal(pieces(bytesOf('x\uFFFD')).join(''), 'x\uFFFD')
  })

  test('the pieces of any text make the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(pieces(bytesOf(text)).join(''), detokenize(bytesOf(text)))
      })
    )
  })

  test('the pieces of up to 60 bytes of noise are what the bytes decode to', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        assert.equal(pieces(bytesOf(bytes)).join(''), detokenize(bytesOf(bytes)))
      })
    )
  })
})

const shown = (stops: string[], parts: string[]) => {
  const matcher = new StopMatcher(stops)
  const texts = parts.map((part) => matcher.push(part))
  return { texts: [...texts, matcher.flush()], stopped: matcher.stopped }
}

suite('stop matcher', () => {
  test('a stop text split over parts is found and not shown', () => {
    assert.deepEqual(shown(['END'], ['a E', 'N', 'D b']), {
      texts: ['a ', '', '', ''],
      stopped: true
    })
  })

  test('what only began like a stop text is shown when that is clear', () => {
    assert.deepEqual(shown(['END'], ['E', 'N', 'E', 'x']).texts, ['', '', 'EN', 'Ex', ''])
    assert.deepEqual(shown(['END'], ['EN']).texts, ['', 'EN'])
  })

  test('the first of several stop texts ends the answer', () => {
    assert.deepEqual(shown(['zz', 'y'], ['xyzz']).texts, ['x', ''])
    assert.deepEqual(shown(['acc', 'c'], ['acca']).texts, ['a', ''])
    assert.deepEqual(shown(['c', 'bc'], ['abc']).texts, ['a', ''])
  })

  test('however a text is cut, the same is shown as when it comes whole', () => {
    const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(short, { minLength: 1, maxLength: 3 }),
        fc.array(short),
        (stops, parts) => {
          const whole = shown(stops, [parts.join('')])
          const cut = shown(stops, parts)
          assert.equal(cut.texts.join(''), whole.texts.join(''))
          assert.equal(cut.stopped, whole.stopped)
        }
      )
    )
  })
})

suite('answer', () => {
  const END = bytesOf('\0')[0]!
  const newAnswer = (stopTexts: string[], maxTokens = 100, more: Partial<AnswerLimits> = {}) => {
    return new Answer({
      promptTokens: [],
      maxTokens,
      contextTokens: 1000,
      stopTexts,
      isEnd: (token) => token === END,
      detokenize,
      ...more
    })
  }

  test('it may be resumed after any token, in the middle of a character or of a stop text', () => {
    for (const [text, maxTokens] of [
      ['grüße 😀 aSTO STOP b', 100],
      ['grüße ST\0', 100],
      ['grüße', 4] // ends inside of ß
    ] as const) {
      const tokens = bytesOf(text)
      const whole = newAnswer(['STOP'], maxTokens)
      const expected = tokens.map((token) => (whole.finishReason === null ? whole.push(token) : ''))
      for (let cut = 0; cut <= tokens.length; cut++) {
        const resumed = newAnswer(['STOP'], maxTokens)
        const texts = tokens.map((token) => {
          return resumed.finishReason === null ? resumed.push(token) : ''
        })
        assert.deepEqual(texts.slice(cut), expected.slice(cut))
        assert.equal(resumed.finishReason, whole.finishReason)
      }
    }
  })

  test('a space at the end of the caller’s text is not written twice', () => {
    const begun = bytesOf('One, two,')
    for (const [text, expected] of [
      [' three', 'three'],
      ['  x', ' x'],
      ['x y', 'x y']
    ] as const) {
      const answer = newAnswer(['two'], 100, { begunTokens: begun.length, repeatsSpace: true })
      for (const token of begun) answer.push(token)
      assert.equal(
        bytesOf(text)
          .map((token) => answer.push(token))
          .join(''),
        expected
      )
    }
  })

  test('what was held back comes with the last token', () => {
    const answer = newAnswer(['STOP'], 3)
    const texts = bytesOf('aST').map((token) => answer.push(token))
    assert.deepEqual(texts, ['a', '', 'ST'])
    assert.equal(answer.finishReason, 'length')
  })
})
