/** Server-sent events from bytes that are cut anywhere. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { SseParser, type SseEvent } from '#shared/kit/sse-parser.ts'

const parse = (pieces: Uint8Array[]): SseEvent[] => {
  const parser = new SseParser({
    charactersMax: 65_536,
    tooLong: () => new RangeError('too long'),
    dataFields: ['error']
  })
  return pieces.flatMap((piece) => parser.push(piece))
}

const STREAM =
  ': keep-alive\n\ndata: {"text":"łódź 🦊"}\r\n\r\nid: 7\nevent: token\ndata:one\ndata: two\n\n' +
  'retry: 5\n\ndata\n\nerror: {"code":500}\n\ndata: [DONE]\n\ndata: {"never":'
const EVENTS: SseEvent[] = [
  { event: 'message', field: 'data', data: '{"text":"łódź 🦊"}' },
  { event: 'token', field: 'data', data: 'one\ntwo', id: '7' },
  { event: 'message', field: 'data', data: '' },
  { event: 'message', field: 'error', data: '{"code":500}' },
  { event: 'message', field: 'data', data: '[DONE]' }
]

suite('server-sent events', () => {
  test('are the same wherever the bytes are cut, characters included', () => {
    const bytes = Buffer.from(STREAM)
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(parse([bytes.subarray(0, cut), bytes.subarray(cut)]), EVENTS)
    }
    assert.deepEqual(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))), EVENTS)
  })

  test('carry any text through any cuts', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 })
    const cuts = fc.array(fc.nat(400), { maxLength: 8 })
    fc.assert(
      fc.property(texts, cuts, (parts, at) => {
        const events = parts.map((part) => ({
          event: 'message',
          field: 'data',
          data: JSON.stringify(part)
        }))
        const bytes = Buffer.from(events.map(({ data }) => `data: ${data}\n\n`).join(''))
        const places = [0, ...at.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b)]
        const pieces = places.map((from, i) => bytes.subarray(from, places[i + 1] ?? bytes.length))
        assert.deepEqual(parse(pieces), events)
      })
    )
  })

  test('without an end are not collected without an end', () => {
    const endless = [Buffer.from('data: '), ...Array<Buffer>(70).fill(Buffer.alloc(1000, 'x'))]
    assert.throws(() => parse(endless), RangeError)
    const lines = Array<Buffer>(70).fill(Buffer.from(`data: ${'x'.repeat(1000)}\n`))
    assert.throws(() => parse(lines), RangeError)
  })
})
