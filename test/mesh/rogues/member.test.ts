/** A member can do what its role needs, whatever it asks and whomever (F3). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { drainWorker, listTokens, readUsage } from '#shared/contracts/access/access.ts'
import { orchestratorCount } from '#shared/contracts/inference/count.ts'
import { orchestratorEmbed } from '#shared/contracts/inference/embedding.ts'
import { orchestratorInfer, workerInfer } from '#shared/contracts/inference/methods.ts'
import { orchestratorChallenge, orchestratorDrain } from '#shared/contracts/peers/drain.ts'
import { registryList, report } from '#shared/contracts/peers/peers.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { toHaifError } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { MethodContract, StreamContract } from '#shared/rpc/contract.ts'
import { startMesh, type TestMesh } from '../../helpers/mesh/mesh.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'
import { linkBetween, startPeer } from '../../helpers/peers/peers.ts'
import { permitted, requestOf } from '../../helpers/requests.ts'
import { until } from '../../helpers/until.ts'

type Contract = MethodContract<TSchema, TSchema> | StreamContract<TSchema, TSchema, TSchema>

/** Asks as a peer does that keeps to no contract of its own. */
async function outcomeOf(from: Mesh, to: Mesh, contract: Contract, request: unknown) {
  const link = await linkBetween(from, to)
  using context = createContext({ timeoutMs: 20_000 })
  const loose = { ...contract, parties: ANYBODY }
  try {
    if (loose.kind === 'method') return JSON.stringify(await link.call(loose, request, context))
    const stream = link.stream(loose, request, context)
    await stream.next()
    await stream.return(undefined)
    return 'answered'
  } catch (error) {
    return toHaifError(error).code
  }
}

const own = (mesh: TestMesh, role: PeerRole): Mesh =>
  mesh.meshes.find((each) => each.role === role)!

test('no member but a gateway asks an orchestrator, in whosever name', async (t) => {
  const mesh = await startMesh(t)
  const orchestrator = own(mesh, 'orchestrator')
  const worker = own(mesh, 'worker').key
  for (const role of ['worker', 'client', 'bridge'] as const) {
    const member = await startPeer(t, mesh.topicKey, { role })
    member.follow('orchestrator')
    using context = createContext({ timeoutMs: 20_000 })
    const wish = requestOf({ tenantId: 'acme', weight: 100, idempotencyKey: 'order-2' })
    const order = member.state('order', '{}')
    for (const [contract, request] of [
      [orchestratorInfer, permitted(wish, member, context)],
      [orchestratorEmbed, { asked: { inputs: ['x'] }, charge: {} }],
      [orchestratorCount, { asked: wish.asked, charge: {} }],
      [orchestratorChallenge, { worker }],
      [orchestratorDrain, { worker, order }]
    ] as const) {
      const outcome = await outcomeOf(member, orchestrator, contract, request)
      assert.equal(outcome, 'FORBIDDEN', `${role} asks ${contract.name}`)
    }
  }
  assert.equal((await mesh.infer({ prompt: 'still there', maxTokens: 2 })).end.attempts, 1)
})

test('a gateway that shows the permit of another one is not served', async (t) => {
  const mesh = await startMesh(t)
  const orchestrator = own(mesh, 'orchestrator')
  const gateway = await startPeer(t, mesh.topicKey, { role: 'gateway' })
  gateway.follow('orchestrator')
  const link = await linkBetween(gateway, orchestrator)
  using context = createContext({ timeoutMs: 20_000 })
  const request = permitted(requestOf({ tenantId: 'acme' }), own(mesh, 'gateway'), context)
  await assert.rejects(link.stream(orchestratorInfer, request, context).next(), {
    code: 'FORBIDDEN',
    message: /the gateway that shows it has not signed its key/
  })
})

test('what operators may do, nobody does without their token', async (t) => {
  const mesh = await startMesh(t)
  const gateway = own(mesh, 'gateway')
  const client = await startPeer(t, mesh.topicKey, { role: 'client' })
  client.follow('gateway')
  const worker = own(mesh, 'worker').key
  for (const contract of [listTokens, drainWorker] as const) {
    const outcome = await outcomeOf(client, gateway, contract, { worker })
    assert.equal(outcome, 'UNAUTHENTICATED', contract.name)
  }
  const member = await startPeer(t, mesh.topicKey, { role: 'worker' })
  member.follow('gateway')
  for (const contract of [listTokens, drainWorker, readUsage] as const) {
    const outcome = await outcomeOf(member, gateway, contract, { worker })
    assert.equal(outcome, 'FORBIDDEN', contract.name)
  }
})

test('a worker asks no other worker, and whoever is no worker brings no model', async (t) => {
  const mesh = await startMesh(t)
  const registry = own(mesh, 'registry')
  const orchestrator = own(mesh, 'orchestrator')
  const [bridge, worker, client] = await Promise.all(
    (['bridge', 'worker', 'client'] as const).map((role) => startPeer(t, mesh.topicKey, { role }))
  )
  for (const each of [bridge!, worker!, client!]) each.follow('registry')
  worker!.follow('orchestrator')
  bridge!.follow('orchestrator')
  const model = { name: 'evil', state: 'ready', engine: 'sim', slots: 9, running: 0, waiting: 0 }
  const speeds = { prefillTokensPerSecond: 1e9, decodeTokensPerSecond: 1e9 }
  const said = {
    host: 'evil',
    version: '1',
    worker: { draining: false, models: [{ ...model, ...speeds, digest: 'a'.repeat(64) }] }
  }
  await outcomeOf(bridge!, registry, report, said)
  await outcomeOf(bridge!, orchestrator, report, said)
  const listed = () => outcomeOf(client!, registry, registryList, {})
  await until(async () => (await listed()).includes('"sim"'))
  assert.doesNotMatch(await listed(), /"evil","state"/)
  await assert.rejects(mesh.infer({ model: 'evil' }), { code: 'MODEL_NOT_FOUND' })
  const asked = { asked: { model: 'sim', input: { mode: 'direct', prompt: 'x' }, maxTokens: 1 } }
  const link = await linkBetween(worker!, orchestrator)
  using context = createContext({ timeoutMs: 20_000 })
  await assert.rejects(link.stream(workerInfer, asked as never, context).next(), {
    code: 'FORBIDDEN',
    message: /was not sent: it is for the role worker/
  })
  assert.equal(
    await outcomeOf(worker!, registry, registryList as unknown as Contract, {}),
    'FORBIDDEN'
  )
})
