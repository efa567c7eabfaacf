/** Asks the jobs service that gave a run for what its function may have. */
import { jobsCallFunction, jobsOpenSecrets } from '#shared/contracts/functions/run-rights.ts'
import type { RunTask } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { childContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { RunRights } from './task-kind.ts'

export const askedRights = (
  mesh: () => Mesh,
  { run }: RunTask,
  context: ServerContext
): RunRights => {
  const link = (): PeerLink => {
    const found = mesh().link(context.peer.key)
    if (found !== undefined) return found
    throw new HaifError('PEER_LOST', 'the jobs service was lost')
  }
  return {
    async secrets() {
      using own = childContext(context)
      return (await link().call(jobsOpenSecrets, { run }, own)).secrets
    },
    async call(wish) {
      using own = childContext(context)
      return await link().call(jobsCallFunction, { run, ...wish }, own)
    }
  }
}
