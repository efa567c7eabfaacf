/** The parts of the chat page that decide, without a browser. */
import assert from 'node:assert/strict'
import { ReadableStream } from 'node:stream/web'
import { test } from 'node:test'
import fc from 'fast-check'
import { toJson } from '../../../web/chat/src/chat/export.ts'
import { readExport } from '../../../web/chat/src/chat/import.ts'
import { matching } from '../../../web/chat/src/chat/search.ts'
import { GrowingBlocks } from '../../../web/chat/src/markdown/blocks.ts'
import { parse } from '../../../web/chat/src/markdown/render.ts'
import { safeAddress, showHtml } from '../../../web/chat/src/markdown/safe-html.ts'
import { readEvents } from '../../../web/ui/mesh/read-events.ts'
import {
  add,
  canContinue,
  change,
  choose,
  newConversation,
  pathOf,
  pathTo,
  placeOf,
  reopen,
  ROOT,
  settle
} from '../../../web/chat/src/chat/tree.ts'
import { HOSTILE_ANSWER, SAMPLE_ANSWER } from './sample-answer.ts'

const question = (id: string) => ({ role: 'user', id, text: `question ${id}` }) as const
const answer = (id: string) =>
  ({ role: 'assistant', id, text: id, reasoning: '', state: 'writing' }) as const

test('however an answer comes in pieces, its blocks are those of the whole text', () => {
  for (const text of [SAMPLE_ANSWER, HOSTILE_ANSWER]) {
    const whole = parse(text)
      .filter(({ type }) => type !== 'space' && type !== 'def')
      .map(({ raw }) => raw.trim())
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 40 }), (cuts) => {
        const blocks = new GrowingBlocks()
        for (const cut of cuts.toSorted((a, b) => a - b)) blocks.take(text.slice(0, cut))
        const raws = blocks.take(text).filter(({ type }) => type !== 'def')
        assert.deepEqual(
          raws.map(({ raw }) => raw.trim()),
          whole
        )
      }),
      { numRuns: 50 }
    )
  }
})

test('events are read however the network cuts them', async () => {
  const text = 'event: token\r\ndata: {"a":"ä€"}\r\n\r\n: keep-alive\n\ndata: one\ndata: two\n\n'
  const bytes = new TextEncoder().encode(text)
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size)
    )
    const events = await Array.fromAsync(readEvents(streamOf(chunks)))
    assert.deepEqual(events, [
      { event: 'token', field: 'data', data: '{"a":"ä€"}' },
      { event: 'message', field: 'data', data: 'one\ntwo' }
    ])
  }
})

test('editing and retrying add branches; the model sees only the one that led there', () => {
  let chat = newConversation('c', 0, { system: '', maxTokens: 8 })
  chat = add(chat, ROOT, question('q1'))
  chat = add(chat, 'q1', answer('a1'))
  chat = add(chat, 'q1', answer('a2'))
  chat = add(chat, ROOT, question('q2'))
  const shown = () => pathOf(chat).map(({ id }) => id)
  assert.deepEqual(shown(), ['q2'])
  chat = choose(chat, 'q1')
  assert.deepEqual(shown(), ['q1', 'a2'])
  assert.deepEqual(placeOf(chat, 'a2'), { index: 1, ids: ['a1', 'a2'] })
  assert.deepEqual(
    pathTo(chat, 'a1').map(({ id }) => id),
    ['q1', 'a1']
  )
  assert.equal(chat.title, 'question q1')
  const [, last] = pathOf(settle(chat))
  assert.equal(last?.role === 'assistant' && last.state, 'stopped')
})

test('HTML is text, except for bare tags; only web and mail addresses are links', () => {
  assert.equal(showHtml('<b>x</b><img src=x>'), '<b>x</b>&lt;img src=x&gt;')
  assert.equal(showHtml('<b onclick=x>'), '&lt;b onclick=x&gt;')
  assert.equal(showHtml('</script><br/>'), '&lt;/script&gt;<br>')
  for (const bad of [
    'javascript:x',
    ' JAVASCRIPT:x',
    'data:text/html,x',
    '/relative',
    'file:///x'
  ]) {
    assert.equal(safeAddress(bad), null, bad)
  }
  assert.equal(safeAddress('https://a.example/x'), 'https://a.example/x')
})

/** Node's type of the same thing differs from the browser's. */
const streamOf = (chunks: Uint8Array[]) =>
  ReadableStream.from(chunks) as unknown as Parameters<typeof readEvents>[0]

const settings = { system: '', maxTokens: 64 }
const talk = (id: string, text: string) =>
  add(add(newConversation(id, 1, settings), ROOT, { ...question('q'), text }), 'q', answer('a'))

test('an answer can be continued where it has an end that is not its own', () => {
  const of = (state: 'stopped' | 'done' | 'failed', more: object = {}) =>
    canContinue({ ...answer('a'), reasoning: '', state, ...more })
  const facts = { model: 'm', attempts: 1, firstTokenMs: 1, tokens: 1, queueMs: 0 }
  assert.ok(of('stopped'))
  assert.ok(of('failed'))
  assert.ok(of('done', { facts: { ...facts, finishReason: 'length' } }))
  assert.equal(
    of('done', { facts: { ...facts, finishReason: 'length', contextFull: true } }),
    false
  )
  assert.equal(of('done', { facts: { ...facts, finishReason: 'stop' } }), false)
  assert.equal(of('stopped', { text: '' }), false)
  const failed = change(talk('c', 'hello'), 'a', { state: 'failed', reasoning: 'thought' })
  assert.deepEqual(reopen(failed, 'a').messages['a'], {
    role: 'assistant',
    id: 'a',
    text: 'a',
    reasoning: 'thought',
    state: 'writing'
  })
})

test('what was exported can be imported, and anything else is refused with a reason', () => {
  const all = [talk('one', 'first'), { ...talk('two', 'second'), model: 'qwen3-4b' }]
  assert.deepEqual(readExport(toJson(all)), all)
  const refusalOf = (text: string): string => {
    const found = readExport(text)
    return typeof found === 'string' ? found : ''
  }
  assert.match(refusalOf('not json'), /is not JSON/)
  assert.match(refusalOf('{"format":"other"}'), /no export of HAIF/)
  const damaged = toJson(all).replace('"text": "first"', '"text": 5')
  assert.match(refusalOf(damaged), /^1 of its 2 conversations are damaged/)
})

test('a search finds conversations that have all the words', () => {
  const all = [talk('one', 'How does a hash table work?'), talk('two', 'A polite reply')]
  const idsOf = (text: string) => matching(all, text).map(({ id }) => id)
  assert.deepEqual(idsOf(''), ['one', 'two'])
  assert.deepEqual(idsOf('TABLE hash'), ['one'])
  assert.deepEqual(idsOf('hash polite'), [])
})

test('formulas in TeX are found before Markdown takes anything of them', () => {
  for (const formula of [
    String.raw`\(a_1 * b_2 * c\)`,
    String.raw`\[ \frac{1}{2} \]`,
    '$$e = mc^2$$',
    '$x_1$',
    '$f(x)$'
  ]) {
    const [paragraph] = parse(`Before ${formula} after`)
    const tokens = (paragraph as { tokens: { type: string; raw: string }[] }).tokens
    assert.equal(tokens.find(({ type }) => type === 'formula')?.raw, formula)
  }
  for (const text of ['It costs $5 and $6.', 'a $ b $ c', '`$x$`']) {
    const [paragraph] = parse(text)
    const tokens = (paragraph as { tokens: { type: string; raw: string }[] }).tokens
    assert.equal(
      tokens.some(({ type }) => type === 'formula'),
      false,
      text
    )
  }
})

test('a formula of several lines is one block, also while it grows', () => {
  const whole = '\\[\na\n= b\n- c\n\\]\n\nand on'
  assert.deepEqual(
    parse(whole).map(({ type }) => type),
    ['formulaBlock', 'paragraph']
  )
  const blocks = new GrowingBlocks()
  for (let end = 3; end <= whole.length; end++) blocks.take(whole.slice(0, end))
  assert.equal(blocks.take(whole)[0]!.raw.trim(), whole.split('\n\n')[0])
  assert.equal(parse('$$ is money\n\nand on')[0]!.type, 'paragraph')
})
