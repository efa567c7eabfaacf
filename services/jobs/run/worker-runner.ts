/** A worker as a place for tasks, as it says of itself over its link. */
import { randomBytes } from 'node:crypto'
import {
  runTask,
  type TaskItem,
  type TaskOffer,
  type TaskResult
} from '#shared/contracts/jobs/task-run.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { lackOf, suitsAt, type Needs, type PlaceFacts } from '../schedule/needs.ts'
import type { ClaimedTask } from '../store/rows.ts'
import { behalfOf } from './behalf.ts'
import type { RunRights } from '../workers/run-rights.ts'
import type { Runner } from './runner.ts'

const RUN_BYTES = 16

/** Null: it may run there. `place` null: in the mesh, on whichever worker holds the model. */
export type Forbids = (needs: Needs, tenant: string, place: PlaceFacts | null) => string | null

export interface WorkerRunnerDeps {
  forbids: Forbids
  artifacts: Pick<Artifacts, 'grant' | 'revoke' | 'taken'>
  rights: Pick<RunRights, 'enter' | 'leave'>
}

export class WorkerRunner implements Runner {
  readonly link: PeerLink
  readonly #deps: WorkerRunnerDeps
  #offer: TaskOffer

  constructor(link: PeerLink, offer: TaskOffer, deps: WorkerRunnerDeps) {
    this.link = link
    this.#offer = offer
    this.#deps = deps
  }

  get key(): string {
    return this.link.peer.key
  }

  get places(): number {
    return this.link.isClosed ? 0 : this.#offer.places
  }

  offers(offer: TaskOffer): void {
    this.#offer = offer
  }

  get facts(): PlaceFacts {
    const { key, name } = this.link.peer
    return { ...this.#offer, key, ...(name === undefined ? {} : { name }) }
  }

  lacks(needs: Needs, tenant: string): string | null {
    const { facts } = this
    return lackOf(needs, facts) ?? this.#deps.forbids(needs, tenant, facts)
  }

  suits(needs: Needs): boolean {
    return suitsAt(needs, this.facts)
  }

  async *run(
    task: ClaimedTask,
    given: unknown,
    context: RequestContext
  ): AsyncGenerator<TaskItem, TaskResult, void> {
    const { artifacts, rights } = this.#deps
    const { type, tenant_id: tenant } = task
    const run = randomBytes(RUN_BYTES).toString('hex')
    const input = type === 'function' ? rights.enter(run, this.key, behalfOf(task), given) : given
    const granted = await artifacts.grant(run, { tenant, worker: this.key, type, input })
    const asked = { run, type, input, ...(granted.length === 0 ? {} : { artifacts: granted }) }
    try {
      // The id of the request would name the job.
      const result = yield* this.link.stream(runTask, asked, { ...context, requestId: run })
      artifacts.taken(run)
      return result
    } catch (error) {
      const { code } = toHaifError(error)
      // The same code from a worker would be about a peer behind it, and a task has none.
      if (code !== 'PEER_LOST') throw error
      throw new HaifError('WORKER_LOST', 'the worker that ran the task was lost', { cause: error })
    } finally {
      artifacts.revoke(run)
      rights.leave(run)
    }
  }
}
