/** What an engine cannot do is refused by its name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimEngine } from '../../../../services/worker/engines/sim/sim-engine.ts'
import { refuseUnsupported } from '../../../../services/worker/requests/supported.ts'
import { engineOn, startUpstream } from '../../../helpers/upstreams/start.ts'
import { requestOf } from '../../../helpers/requests.ts'

const media = (wordLength: number) => ({
  media: { kind: 'image' as const, data: 'data:image/png;base64,AAAA' },
  at: 0,
  wordLength,
  param: 'messages[0].content[1]'
})
const seen = (wordLength: number) => {
  const message = { role: 'user' as const, content: '[image]', media: [media(wordLength)] }
  return requestOf({ input: { mode: 'chat', messages: [message] } }).asked
}

test('an image of now is refused where only text is read, and a word in the past is enough', async (t) => {
  const sim = new SimEngine()
  assert.throws(() => refuseUnsupported(sim, seen(0)), {
    code: 'UNSUPPORTED_PARAMETER',
    details: { param: 'messages[0].content[1]' }
  })
  refuseUnsupported(sim, seen(7))
  refuseUnsupported(await engineOn(t, await startUpstream(t, 'vLLM')), seen(0))
})

test('logprobs of a prompt are refused by an engine that does not know them', () => {
  const asked = requestOf({ logprobs: true, promptLogprobs: true }).asked
  refuseUnsupported(new SimEngine(), asked)
  const blind = { kind: 'blind', parameters: new Set(['logprobs', 'topLogprobs']) }
  const engine = Object.assign(new SimEngine(), blind)
  assert.throws(() => refuseUnsupported(engine, asked), { details: { param: 'promptLogprobs' } })
})
