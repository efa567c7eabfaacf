/** Who may use which call and stream: every contract of the tree, with every role. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { after, test } from 'node:test'
import type { TSchema } from 'typebox'
import { ROLES, type PeerRole } from '#shared/contracts/peers/role.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { MethodContract, StreamContract } from '#shared/rpc/contract.ts'
import { assertMeantFor } from '#shared/rpc/parties.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'
import { linkBetween, Shared, startDht, startPeer } from '../../../helpers/peers/peers.ts'

/** Written out, so that whoever gives somebody a new right has to say so here as well. */
const TABLE = `
gateway.accessState   bridge,client                        gateway
gateway.approveMember bridge,client                        gateway
gateway.artifact      bridge,client                        gateway
gateway.assignHttpWorker bridge,client                        gateway
gateway.callFunction  jobs                                 gateway
gateway.cancelRequest bridge,client                        gateway
gateway.changeJob     bridge,client                        gateway
gateway.compileGraph  bridge,client                        gateway
gateway.count         bridge,client                        gateway
gateway.createInvite  bridge,client                        gateway
gateway.createToken   bridge,client                        gateway
gateway.deadLetters   bridge,client                        gateway
gateway.deleteTenant  bridge,client                        gateway
gateway.describeObject bridge,client                        gateway
gateway.drain         bridge,client                        gateway
gateway.drainWorker   bridge,client                        gateway
gateway.embed         bridge,client                        gateway
gateway.embedOnBehalf jobs                                 gateway
gateway.environments  bridge,client                        gateway
gateway.explainPolicy bridge,client                        gateway
gateway.getJob        bridge,client                        gateway
gateway.getPolicy     bridge,client                        gateway
gateway.getRun        bridge,client                        gateway
gateway.grantSecret   bridge,client                        gateway
gateway.heartbeatHttpWorker bridge,client                        gateway
gateway.identify      bridge,client                        gateway
gateway.infer         bridge,client                        gateway
gateway.inferOnBehalf jobs                                 gateway
gateway.label         bridge,client                        gateway
gateway.listAudit     bridge,client                        gateway
gateway.listInvites   bridge,client                        gateway
gateway.listJobs      bridge,client                        gateway
gateway.listLibraries bridge,client                        gateway
gateway.listMembers   bridge,client                        gateway
gateway.listObjects   bridge,client                        gateway
gateway.listRuns      bridge,client                        gateway
gateway.listSecrets   bridge,client                        gateway
gateway.listTasks     bridge,client                        gateway
gateway.listTenants   bridge,client                        gateway
gateway.listTokens    bridge,client                        gateway
gateway.machines      bridge,client                        gateway
gateway.me            bridge,client                        gateway
gateway.mesh          bridge,client                        gateway
gateway.modelViews    bridge,client                        gateway
gateway.models        bridge,client                        gateway
gateway.openSecrets   jobs                                 gateway
gateway.orderEnvironment bridge,client                        gateway
gateway.orderModel    bridge,client                        gateway
gateway.patchTenant   bridge,client                        gateway
gateway.patchToken    bridge,client                        gateway
gateway.prefetchModel bridge,client                       gateway
gateway.publishObject bridge,client                        gateway
gateway.queue         bridge,client                        gateway
gateway.readArtifact  bridge,client                        gateway
gateway.readUsage     bridge,client                        gateway
gateway.ready         bridge,client                        gateway
gateway.registerHttpWorker bridge,client                        gateway
gateway.remove        bridge,client                        gateway
gateway.removeInvite  bridge,client                        gateway
gateway.removeSecret  bridge,client                        gateway
gateway.rename        bridge,client                        gateway
gateway.renameMember  bridge,client                        gateway
gateway.reportHttpWorker bridge,client                        gateway
gateway.request       bridge,client                        gateway
gateway.requests      bridge,client                        gateway
gateway.requeueDeadLetters bridge,client                        gateway
gateway.resume        bridge,client                        gateway
gateway.revokeMember  bridge,client                        gateway
gateway.revokeToken   bridge,client                        gateway
gateway.rotateMesh    bridge,client                        gateway
gateway.rotateToken   bridge,client                        gateway
gateway.setGrant      bridge,client                        gateway
gateway.setLibrary    bridge,client                        gateway
gateway.setPolicy     bridge,client                        gateway
gateway.setSecret     bridge,client                        gateway
gateway.setSettings   bridge,client                        gateway
gateway.setTenant     bridge,client                        gateway
gateway.settings      bridge,client                        gateway
gateway.startRun      bridge,client                        gateway
gateway.submitJob     bridge,client                        gateway
gateway.verifyAudit   bridge,client                        gateway
gateway.verifyUsage   bridge,client                        gateway
gateway.watch         bridge,client                        gateway
gateway.watchJob      bridge,client                        gateway
gateway.worker        bridge,client                        gateway
gateway.workers       bridge,client                        gateway
jobs.artifact         gateway                              jobs
jobs.assignHttpWorker gateway                              jobs
jobs.callFunction     worker                               jobs
jobs.change           gateway                              jobs
jobs.compile          gateway                              jobs
jobs.deadLetters      gateway                              jobs
jobs.environments     gateway                              jobs
jobs.explainPolicy    gateway                              jobs
jobs.get              gateway                              jobs
jobs.getPolicy        gateway                              jobs
jobs.heartbeatHttpWorker gateway                              jobs
jobs.list             gateway                              jobs
jobs.machines         gateway                              jobs
jobs.offer            worker                               jobs
jobs.openSecrets      worker                               jobs
jobs.readArtifact     gateway                              jobs
jobs.readRunArtifact  worker                               jobs
jobs.registerHttpWorker gateway                              jobs
jobs.reportHttpWorker gateway                              jobs
jobs.requeue          gateway                              jobs
jobs.setPolicy        gateway                              jobs
jobs.submit           gateway                              jobs
jobs.submitAndWait    gateway                              jobs
jobs.tasks            gateway                              jobs
jobs.watch            gateway                              jobs
mesh.certificate      ALL                                  ALL
mesh.members          ALL                                  registry
mesh.renew            ALL                                  registry
mesh.revocations      ALL                                  ALL
orchestrator.cancel   gateway                              orchestrator
orchestrator.challenge gateway                             orchestrator
orchestrator.count    gateway                              orchestrator
orchestrator.drain    gateway                              orchestrator
orchestrator.embed    gateway                              orchestrator
orchestrator.infer    gateway                              orchestrator
orchestrator.order    gateway                              orchestrator
orchestrator.queue    gateway                              orchestrator
orchestrator.ready    gateway                              orchestrator
orchestrator.seeders  worker                              orchestrator
peer.links            registry                             gateway,jobs,orchestrator
peer.report           bridge,gateway,jobs,orchestrator,relay,worker orchestrator,registry
registry.approveMember gateway                              registry
registry.createInvite gateway                              registry
registry.describeObject gateway                              registry
registry.list         client,gateway                       registry
registry.listInvites  gateway                              registry
registry.listLibraries gateway                              registry
registry.listMembers  gateway                              registry
registry.listObjects  gateway                              registry
registry.publishObject gateway                              registry
registry.readBundle   jobs                                 registry
registry.redeem       guest                                registry
registry.removeInvite gateway                              registry
registry.renameMember gateway                              registry
registry.resolveObject gateway                              registry
registry.revokeMember gateway                              registry
registry.rotateMesh   gateway                              registry
registry.setGrant     gateway                              registry
registry.setLibrary   gateway                              registry
registry.shared       worker                               registry
relay.offer           relay                                gateway,jobs,orchestrator,registry
worker.challenge      orchestrator                         worker
worker.count          orchestrator                         worker
worker.drain          orchestrator                         worker
worker.dropArtifacts  jobs                                 worker
worker.embed          orchestrator                         worker
worker.environments   jobs                                 worker
worker.infer          orchestrator                         worker
worker.lendArtifact   jobs                                 worker
worker.listWeights    worker                               worker
worker.obey           orchestrator                         worker
worker.readArtifact   jobs                                 worker
worker.readLentArtifact worker                               worker
worker.readManifest   worker                               worker
worker.readWeights    worker                               worker
worker.runTask        jobs                                 worker
`

type Contract = MethodContract<TSchema, TSchema> | StreamContract<TSchema, TSchema, TSchema>

/** No contract is a number. */
const NO_BODY = 0

/** Every member. */
const ALL = ROLES.toSorted().join()

const contracts = await everyContract()
const shared = new Shared()
after(() => shared.end())

test('the contracts give each right to the roles of the table, and to nobody else', () => {
  const found = contracts.map(({ name, parties: { from, to } }) =>
    [name, from.toSorted().join(), to.toSorted().join()].join(' ')
  )
  const expected = TABLE.trim().split('\n')
  assert.deepEqual(
    found.toSorted(),
    expected.map((line) => line.replaceAll('ALL', ALL).replace(/ +/g, ' '))
  )
})

for (const role of ROLES) {
  test(`a ${role} is refused whatever the table does not give it, unread`, async () => {
    const called = await callEverything(role)
    const refused = contracts.filter(({ parties }) => !parties.from.includes(role))
    assert.ok(refused.length > 0)
    assert.deepEqual(
      called.filter(({ code }) => code === 'FORBIDDEN').map(({ name }) => name),
      refused.map(({ name }) => name)
    )
    // What is allowed gets as far as its body, which fits no contract.
    const others = called.filter(({ code }) => code !== 'FORBIDDEN')
    for (const { name, code } of others) assert.equal(code, 'VALIDATION_FAILED', name)
  })

  test(`nothing is sent to a ${role} that is meant for another role`, () => {
    const sent = contracts.filter((contract) => {
      try {
        assertMeantFor(contract, { key: 'k'.repeat(64), role })
        return true
      } catch {
        return false
      }
    })
    assert.deepEqual(
      sent.map(({ name }) => name),
      contracts.filter(({ parties }) => parties.to.includes(role)).map(({ name }) => name)
    )
  })
}

test('a credential goes with the calls of callers to gateways, and with nothing else', () => {
  const shown = contracts.filter(({ parties }) => parties.withCredential === true)
  assert.ok(shown.every(({ name }) => name.startsWith('gateway.')))
  // A jobs service asks on behalf of a tenant, whose token nobody has kept.
  const others = contracts.filter(
    ({ name, parties }) => name.startsWith('gateway.') && !parties.from.includes('jobs')
  )
  assert.equal(others.length, shown.length)
})

/** One peer that answers everything, so that only the roles decide. */
const answering = shared.once(async (scope) => {
  const topicKey = await startDht(scope)
  const router = new Router()
  for (const contract of contracts) {
    if (contract.kind === 'method') router.respond(contract, () => assert.fail('it was read'))
    else router.serve(contract, unread)
  }
  return { topicKey, peer: await startPeer(scope, topicKey, { role: 'gateway', router }) }
})

// oxlint-disable-next-line require-yield -- it must not come to that
async function* unread(): AsyncGenerator<unknown, unknown, void> {
  return assert.fail('it was read')
}

/** As a peer does that keeps to no contract: it sends to whom it likes. */
async function callEverything(role: PeerRole): Promise<{ name: string; code: string }[]> {
  const { topicKey, peer } = await answering()
  const caller = await startPeer(shared, topicKey, { role })
  caller.follow('gateway')
  const link = await linkBetween(caller, peer)
  return Promise.all(
    contracts.map(async (contract) => {
      using context = createContext({ timeoutMs: 20_000 })
      const loose = { ...contract, parties: ANYBODY }
      const asked =
        loose.kind === 'method'
          ? link.call(loose, NO_BODY, context)
          : link.stream(loose, NO_BODY, context).next()
      const code = await asked.then(
        () => 'OK',
        (error: unknown) => (error as { code: string }).code
      )
      return { name: contract.name, code }
    })
  )
}

async function everyContract(): Promise<Contract[]> {
  const root = new URL('../../../../', import.meta.url)
  const files = globSync('shared/contracts/**/*.ts', { cwd: root })
  const modules = await Promise.all(
    files.map(async (file) => (await import(new URL(file, root).href)) as object)
  )
  const exported = modules.flatMap((module) => Object.values(module) as unknown[])
  // What an operator asks a gateway, and it a registry, is exported as one pair.
  const pairs = exported.filter((value) => typeof value === 'object' && value !== null)
  const all = [...exported, ...pairs.flatMap((pair) => Object.values(pair))].filter(isContract)
  return [...new Map(all.map((contract) => [contract.name, contract])).values()]
}

function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && 'kind' in value && 'parties' in value
}
