/** A member that announces itself as an orchestrator gets no prompt and stops no worker (F2). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orchestratorInfer, workerInfer } from '#shared/contracts/inference/methods.ts'
import { workerChallenge, workerDrain } from '#shared/contracts/peers/drain.ts'
import { orchestratorReady, report } from '#shared/contracts/peers/peers.ts'
import { createContext } from '#shared/rpc/context.ts'
import { Router } from '#shared/rpc/router.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { linkBetween, startPeer } from '../../helpers/peers/peers.ts'
import { startRogue } from './rogue.ts'

const REQUESTS = 12

test('neither gateways nor workers deal with an orchestrator that is not certified', async (t) => {
  const mesh = await startMesh(t)
  const seen: string[] = []
  const router = new Router()
    // oxlint-disable-next-line require-yield -- it only looks
    .serve(orchestratorInfer, async function* () {
      seen.push('a prompt')
      throw new Error('seen')
    })
    .respond(report, () => {
      seen.push('a report')
      return {}
    })
    .respond(orchestratorReady, () => ({ ready: true }))
  const rogue = await startRogue(t, mesh.topicKey, {
    certifiedAs: 'worker',
    plays: 'orchestrator',
    router
  })
  // This one is found on the same topic and later: whoever has found it has found the rogue, too.
  const honest = await startPeer(t, mesh.topicKey, { role: 'orchestrator' })
  const worker = mesh.meshes.find(({ role }) => role === 'worker')!
  await linkBetween(honest, worker)
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, (_, i) => mesh.infer({ prompt: `secret ${i}`, maxTokens: 2 }))
  )
  assert.equal(answers.length, REQUESTS)
  assert.deepEqual([seen, rogue.links().length], [[], 0])
})

test('a certified orchestrator can use workers, and still cannot stop one', async (t) => {
  const mesh = await startMesh(t)
  const worker = mesh.meshes.find(({ role }) => role === 'worker')!
  const rogue = await startPeer(t, mesh.topicKey, { role: 'orchestrator' })
  const link = await linkBetween(rogue, worker)
  using context = createContext({ timeoutMs: 20_000 })
  const { nonce } = await link.call(workerChallenge, {}, context)
  const order = { act: 'worker.drain', target: worker.key, nonce, actor: 'op', requestId: 'r' }
  const own = rogue.state('order', JSON.stringify(order))
  await assert.rejects(link.call(workerDrain, { order: own }, context), {
    code: 'ROLE_NOT_ALLOWED'
  })
  await assert.rejects(link.call(workerDrain, {} as never, context), { code: 'VALIDATION_FAILED' })
  const asked = {
    model: 'sim',
    input: { mode: 'direct', prompt: 'still there' },
    maxTokens: 1,
    sampling: {}
  } as const
  const answer = link.stream(workerInfer, { asked }, context)
  assert.equal((await answer.next()).done, false)
  await answer.return(undefined as never)
})
