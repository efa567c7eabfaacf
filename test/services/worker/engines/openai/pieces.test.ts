/** Answers that are continued after a text, and gauges in a server's metrics. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Sent } from '#shared/contracts/inference/request.ts'
import { SentTokens } from '#shared/inference/failover/sent-tokens.ts'
import { readGauge } from '../../../../../services/worker/engines/openai/load-gauge.ts'
import { ResumedText } from '../../../../../services/worker/engines/openai/resumed-text.ts'
import { requestOf } from '../../../../helpers/requests.ts'

suite('the text before a continuation', () => {
  const joined = (text: string, pieces: string[]) => {
    const resumed = new ResumedText(text)
    return text + pieces.map((piece) => resumed.push(piece)).join('')
  }

  test('has its white space at the end once, however the server goes on', () => {
    assert.equal(new ResumedText('one two \n').prefix, 'one two')
    assert.equal(joined('one ', [' two', ' three']), 'one two three')
    assert.equal(joined('one ', ['two']), 'one two')
    assert.equal(joined('one\n\n', ['\n', '\n', ' two']), 'one\n\n two')
    assert.equal(joined('one\n\n', ['\n\n two']), 'one\n\n two')
    assert.equal(joined('one', [' two', ' ', ' three']), 'one two  three')
  })
})

test('gauges are summed over engines, and other models do not count', () => {
  const text = [
    '# HELP vllm:num_requests_running Number of requests in model execution batches.',
    'vllm:num_requests_running{engine="0",model_name="a"} 2.0',
    'vllm:num_requests_running{engine="1",model_name="a"} 1.0',
    'vllm:num_requests_running{engine="0",model_name="b"} 5.0',
    'vllm:num_requests_running_total{model_name="a"} 70.0',
    'llamacpp:requests_processing 4',
    'llamacpp:requests_deferred NaN'
  ].join('\n')
  assert.equal(readGauge(text, 'vllm:num_requests_running', 'a'), 3)
  assert.equal(readGauge(text, 'llamacpp:requests_processing', 'a'), 4)
  assert.equal(readGauge(text, 'llamacpp:requests_deferred', 'a'), 0)
})

suite('what was sent', () => {
  const after = (items: Parameters<SentTokens['add']>[0][], before?: Sent) => {
    const sent = new SentTokens(before)
    for (const item of items) sent.add(item)
    return { count: sent.count, sent: sent.continued(requestOf()).sent }
  }
  const ids = (seq: number, digest?: string) => ({
    seq,
    tokenIds: [seq, seq + 1],
    text: `i${seq}`,
    ...(digest === undefined ? {} : { digest })
  })
  const number = (seq: number, digest?: string) => ({
    ...ids(seq, digest),
    tokenIds: [],
    tokens: 2
  })

  test('is continued by ids where one file made them all', () => {
    const so = { tokenIds: [0, 1, 2, 3], text: 'i0i2', digest: 'a' }
    assert.deepEqual(after([ids(0, 'a'), ids(2)]), { count: 4, sent: so })
    assert.deepEqual(after([ids(2, 'a')], { tokenIds: [0, 1], text: 'i0', digest: 'a' }), {
      count: 4,
      sent: so
    })
  })

  test('is continued by its text where ids are missing, or of two files', () => {
    const so = { tokenIds: [], text: 'i0i2', tokens: 4 }
    for (const [first, second] of [
      [number(0, 'a'), number(2)],
      [number(0, 'a'), ids(2, 'b')],
      [ids(0, 'a'), number(2, 'b')],
      [ids(0, 'a'), ids(2, 'b')]
    ] as const) {
      assert.deepEqual(after([first, second]), { count: 4, sent: so })
    }
    const again = after([ids(4, 'b')], so)
    assert.deepEqual(again.sent, { tokenIds: [], text: 'i0i2i4', tokens: 6 })
  })

  test('is also what was told of the prompt', () => {
    const entry = { token: 'a', logprob: -1, top: [] }
    const prompt = { seq: 0, tokenIds: [], text: '', prompt: [entry, entry], digest: 'a' }
    const told = { tokenIds: [], text: '', promptTokens: 2, digest: 'a' }
    assert.deepEqual(after([prompt]).sent, told)
    assert.equal(after([prompt], told).sent?.promptTokens, 4)
    const both = after([prompt, ids(0)]).sent
    assert.deepEqual([both?.promptTokens, both?.tokenIds], [2, [0, 1]])
  })
})
