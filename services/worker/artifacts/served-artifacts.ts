/** A worker's artifacts for jobs services, and for the tasks that they send. */
import {
  dropWorkerArtifacts,
  lendArtifact,
  readLentArtifact,
  readWorkerArtifact
} from '#shared/contracts/jobs/artifacts.ts'
import type { RunTask } from '#shared/contracts/jobs/task-run.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { TaskArtifacts } from '../tasks/task-kind.ts'
import type { ArtifactStore } from './artifact-store.ts'
import { Loans } from './loans.ts'
import { RunArtifacts } from './run-artifacts.ts'

/** `mesh`: asked for with the first loan. */
export function serveArtifacts(router: Router, store: ArtifactStore, mesh: () => Mesh): void {
  const loans = new Loans()
  router
    .respond(lendArtifact, async ({ sha256, to, ms }) => {
      loans.add(sha256, to, ms)
      await mesh().welcome()
      return {}
    })
    .serve(readLentArtifact, async function* ({ sha256, from, to }, { peer }) {
      loans.assert(sha256, peer.key)
      yield* store.lend(sha256, from, to)
      return {}
    })
    .serve(readWorkerArtifact, async function* ({ sha256, from, to }) {
      yield* store.read(sha256, from, to)
      return {}
    })
    .respond(dropWorkerArtifacts, async ({ sha256 }) => {
      for (const each of sha256) await store.drop(each)
      return {}
    })
}

/** `mesh`: asked for with the first task. */
export const artifactsOf =
  (store: ArtifactStore, mesh: () => Mesh) =>
  ({ run, artifacts: given = [] }: RunTask, context: ServerContext): TaskArtifacts =>
    new RunArtifacts({
      store,
      run,
      given,
      context,
      link: () => mesh().link(context.peer.key),
      reach: (key) => mesh().reach(Buffer.from(key, 'hex'))
    })
