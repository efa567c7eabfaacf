/**
 * What operators decide about the members of the mesh. The gateway knows who is an operator and
 * writes the audit; a registry does it.
 */
import type { Static, TSchema } from 'typebox'
import {
  approveMember,
  createInvite,
  listInvites,
  listMembers,
  removeInvite,
  renameMember,
  revokeMember,
  rotateMesh
} from '#shared/contracts/peers/members.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { MethodContract } from '#shared/rpc/contract.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Actor } from './access/access-admin.ts'
import type { Access } from './access/access.ts'
import { MESH_CHAIN } from './audit/audit.ts'

interface MemberOperatorDeps {
  router: Router
  access: Access
  registries: () => PeerPool
  /** Throws unless the caller is an operator. */
  operator: (context: ServerContext, action: string) => Promise<Actor>
  /** Throws unless the caller may read what operators see. */
  observer: (context: ServerContext, action: string) => Promise<Actor>
}

/** What operators ask a gateway, and it a registry. */
interface Asked<Request extends TSchema, Reply extends TSchema> {
  gateway: MethodContract<Request, Reply>
  registry: MethodContract<Request, Reply>
}

export function answerMemberOperators(deps: MemberOperatorDeps): void {
  const { router, access, registries, operator, observer } = deps

  /** `target`: what the audit says was changed; absent: nothing was. */
  const pass = <Request extends TSchema, Reply extends TSchema>(
    { gateway, registry }: Asked<Request, Reply>,
    action: string,
    target?: (reply: Static<Reply>) => string
  ) =>
    router.respond(gateway, async (request, context) => {
      const actor = await (target === undefined ? observer : operator)(context, action)
      const reply = await registries().call(registry, { ...request, by: actor.actor }, context)
      if (target === undefined) return reply
      const changed = { chain: MESH_CHAIN, action, target: target(reply), result: 'ok' } as const
      await access.audit?.write({ ...changed, ...actor })
      return reply
    })

  pass(createInvite, 'invite.create', ({ invite }) => invite.id)
  pass(listInvites, 'invite.list')
  pass(removeInvite, 'invite.remove', ({ id }) => id)
  pass(listMembers, 'peer.list')
  pass(approveMember, 'peer.approve', ({ name }) => name)
  pass(revokeMember, 'peer.revoke', ({ name }) => name)
  pass(renameMember, 'peer.rename', ({ name }) => name)
  pass(rotateMesh, 'mesh.rotate', ({ epoch }) => `epoch ${epoch}`)
}
