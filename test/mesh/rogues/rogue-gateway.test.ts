/** A member that announces itself as a gateway gets no prompt and no token (F1). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessState, identify } from '#shared/contracts/access/access.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { gatewayReady } from '#shared/contracts/peers/peers.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { addBridge } from '../../helpers/mesh/bridge.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { mintToken } from '../../../services/gateway/access/token-text.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'
import { until } from '../../helpers/until.ts'
import { startRogue } from './rogue.ts'

const ROGUES = 3
const REQUESTS = 24

test('the bridge shows prompts and tokens to certified gateways only', async (t) => {
  const operatorKey = mintToken('operator')
  const { log, lines } = recordingLogger()
  const mesh = await startMesh(t, { access: { operatorKey }, log })
  const stolen: unknown[] = []
  const steal = (what: string, { presented }: ServerContext) =>
    void stolen.push({ what, presented })
  for (let i = 0; i < ROGUES; i++) {
    const router = new Router()
      // oxlint-disable-next-line require-yield -- it only steals
      .serve(gatewayInfer, async function* (_request, context) {
        steal('infer', context)
        throw new Error('stolen')
      })
      .respond(identify, (_request, context) => {
        steal('identify', context)
        return { tenant: 'local' }
      })
      .respond(accessState, () => ({ tokensNeeded: true }))
      .respond(gatewayReady, () => ({ ready: true }))
    await startRogue(t, mesh.topicKey, { certifiedAs: 'worker', plays: 'gateway', router })
  }
  const url = await addBridge(t, mesh)
  const refusals = () => lines.filter(({ code }) => code === 'ROLE_NOT_ALLOWED').length
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, (_, i) => {
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        authorization: `Bearer ${operatorKey.text}`
      }
      // A key chooses its gateway among all of them.
      if (i % 2 === 0) headers['idempotency-key'] = `order-${i}`
      const body = JSON.stringify({ prompt: `secret ${i}`, max_tokens: 4 })
      return fetch(`${url}/infer`, { method: 'POST', headers, body })
    })
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 200)
  )
  await until(() => refusals() > 0) // the bridge has met the rogues, and knows what they are
  assert.deepEqual(stolen, [])
})
