/**
 * What has been sent of thoughts and tool calls, for those who continue an answer or come back to
 * it.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  beginningOf,
  RestOfAnswer
} from '../../../../services/orchestrator/repeats/rest-of-answer.ts'
import type { ToolCall } from '../../../../shared/contracts/inference/chat.ts'
import type { InferenceItem } from '../../../../shared/contracts/inference/answer.ts'
import { requestOf } from '../../../helpers/requests.ts'
import { addToCalls, SentTokens } from '../../../../shared/inference/failover/sent-tokens.ts'

const REQUEST = requestOf({ prompt: 'x', maxTokens: 50 })
const item = (seq: number, more: Partial<InferenceItem> = {}): InferenceItem => {
  return { seq, tokenIds: [seq], text: '', ...more }
}
const ITEMS = [
  item(0, { digest: 'a', reasoning: 'Hm' }),
  item(1, { reasoning: 'm.' }),
  item(2, { text: 'Wait' }),
  item(3, { toolCalls: [{ index: 0, id: 'c0', name: 'f', arguments: '' }] }),
  item(4, { toolCalls: [{ index: 0, arguments: '{"a":' }] }),
  item(5, { toolCalls: [{ index: 0, arguments: '1}' }] }),
  item(6, { toolCalls: [{ index: 1, id: 'c1', name: 'g', arguments: '{}' }] })
]

function sentUpTo(count: number, items = ITEMS): SentTokens {
  const sent = new SentTokens()
  for (const each of items.slice(0, count)) sent.add(each)
  return sent
}

function joined(items: readonly InferenceItem[]) {
  const calls: ToolCall[] = []
  for (const delta of items.flatMap(({ toolCalls = [] }) => toolCalls)) addToCalls(calls, delta)
  const reasoning = items.map((each) => each.reasoning ?? '').join('')
  const tokenIds = items.flatMap((each) => each.tokenIds)
  return { calls, reasoning, tokenIds, text: items.map(({ text }) => text).join('') }
}

suite('an answer with thoughts and tool calls', () => {
  test('takes both along, and goes on after calls by ids alone', () => {
    const { sent } = sentUpTo(5).continued(REQUEST)
    assert.deepEqual(sent, {
      tokenIds: [0, 1, 2, 3, 4],
      text: 'Wait',
      reasoning: 'Hmm.',
      toolCalls: [{ id: 'c0', name: 'f', arguments: '{"a":' }],
      digest: 'a'
    })
    assert.ok(sentUpTo(7).canContinue)
    const withoutIds = ITEMS.map((each) => ({ ...each, tokenIds: [], tokens: 1 }))
    assert.ok(sentUpTo(3, withoutIds).canContinue)
    assert.ok(!sentUpTo(4, withoutIds).canContinue)
    const again = new SentTokens(sent)
    again.add(ITEMS[5]!)
    assert.equal(again.continued(REQUEST).sent?.toolCalls?.[0]?.arguments, '{"a":1}')
    assert.equal(sent?.toolCalls?.[0]?.arguments, '{"a":', 'what was handed out stays')
  })

  test('is told to a reader who comes back from where it stopped, however the items are cut', () => {
    const whole = joined(ITEMS)
    const inOne: InferenceItem = {
      ...item(0, { tokenIds: whole.tokenIds, text: whole.text, reasoning: whole.reasoning }),
      toolCalls: whole.calls.map((call, index) => ({ index, ...call })),
      digest: 'a'
    }
    for (let cut = 1; cut <= ITEMS.length; cut++) {
      const { sent } = sentUpTo(cut).continued(REQUEST)
      for (const served of [ITEMS, [inOne]]) {
        const rest = new RestOfAnswer(sent)
        const news = served.flatMap((each) => rest.of(each) ?? [])
        assert.deepEqual(joined([...ITEMS.slice(0, cut), ...news]), whole, `after ${cut}`)
      }
      assert.deepEqual(joined([...beginningOf(sent), ...ITEMS.slice(cut)]), whole)
    }
  })

  test('that begins with another thought is another answer', () => {
    const rest = new RestOfAnswer(sentUpTo(3).continued(REQUEST).sent)
    for (const each of [item(0, { reasoning: 'Oh' }), item(1), item(2, { text: 'Wait' })])
      rest.of(each)
    assert.ok(rest.isOther)
  })
})
