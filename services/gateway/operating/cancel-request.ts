/** An operator ends a request that runs or waits, at whichever orchestrator it is. */
import { cancelRequest, orchestratorCancel } from '#shared/contracts/peers/operating.ts'
import { HaifError } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { childContext } from '#shared/rpc/context.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Access } from '../access/access.ts'
import type { Actor } from '../access/access-admin.ts'
import { MESH_CHAIN } from '../audit/audit.ts'

interface CancelDeps {
  router: Router
  access: Pick<Access, 'audit'>
  mesh: () => Pick<Mesh, 'links'>
  /** Throws unless the caller is an operator. */
  operator: (context: ServerContext, action: string) => Promise<Actor>
}

export function answerCancel({ router, access, mesh, operator }: CancelDeps): void {
  router.respond(cancelRequest, async ({ id }, context) => {
    const actor = await operator(context, 'request.cancel')
    const event = { chain: MESH_CHAIN, action: 'request.cancel', target: id, result: 'ok' } as const
    await access.audit?.write({ ...event, ...actor })
    const counts = await Promise.all(
      mesh()
        .links('orchestrator')
        .map(async (link) => {
          using own = childContext(context)
          return (await link.call(orchestratorCancel, { requestId: id }, own)).cancelled
        })
    )
    const cancelled = counts.reduce((sum, count) => sum + count, 0)
    if (cancelled > 0) return { id, cancelled }
    throw new HaifError(
      'NOT_FOUND',
      `no request ${id} runs or waits; "haif requests ${id}" says how it ended`
    )
  })
}
