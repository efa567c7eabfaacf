/**
 * Takes tasks from jobs services, as many at a time as the owner of the machine allows, and says to
 * each service how many it may send: those that it has running here and the places that are free.
 */
import {
  offerTasks,
  OFFERED_ENVIRONMENTS_MAX,
  type RunTask,
  type TaskItem,
  type TaskOffer,
  type TaskResult
} from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import { Drain } from '#shared/kit/drain.ts'
import { Tally } from '#shared/kit/tally.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { Logger } from '#shared/process/log.ts'
import { childContext, createContext, type OwnedContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { askedRights } from './asked-rights.ts'
import type { EnvironmentDesk, RunRights, TaskArtifacts, TaskKind } from './task-kind.ts'

export interface TaskDeskOptions {
  /** One for each type that the owner allows. */
  kinds: readonly TaskKind[]
  /** Tasks at a time. */
  places: number
  region?: string
  /** The artifacts of one run; absent: there are none. */
  artifactsOf?: (asked: RunTask, context: ServerContext) => TaskArtifacts
}

interface TaskDeskDeps extends TaskDeskOptions {
  mesh: () => Mesh
  /** What the worker is and has now. */
  facts: () => Pick<TaskOffer, 'gpu' | 'models' | 'labels'>
  log: Logger
}

const ANSWER_MS_MAX = 5000
/** An offer that was not taken is made again. */
const AGAIN_MS = 1000

export class TaskDesk {
  readonly #deps: TaskDeskDeps
  readonly #kinds: ReadonlyMap<string, TaskKind>
  readonly #running = new Drain<OwnedContext>() // at most `places`
  readonly #byService = new Tally<string>()
  #count = 0
  /** For functions that they call; they are no part of the count. */
  #waiting = 0
  #isTelling = false
  #isStale = false
  #isPaused = false

  constructor(deps: TaskDeskDeps) {
    this.#deps = deps
    this.#kinds = new Map(deps.kinds.map((kind) => [kind.type, kind]))
    this.#environments?.onChange(() => this.tellAll())
  }

  get #environments(): EnvironmentDesk | undefined {
    return this.#deps.kinds.find(({ environments }) => environments !== undefined)?.environments
  }

  /** Throws FORBIDDEN where this machine runs no functions. */
  get environments(): EnvironmentDesk {
    if (this.#environments !== undefined) return this.#environments
    throw new HaifError('FORBIDDEN', 'the owner of this worker does not allow functions')
  }

  /** Nothing is taken on a machine whose owner allows nothing. */
  get isOpen(): boolean {
    return this.#kinds.size > 0 && this.#deps.places > 0
  }

  async *run(asked: RunTask, context: ServerContext): AsyncGenerator<TaskItem, TaskResult, void> {
    const kind = this.#assertTakes(asked.type)
    using own = childContext(context)
    const leave = this.#enter(own, context.peer.key)
    try {
      yield {}
      const rights = this.#rightsOf(asked, context)
      const artifacts = this.#deps.artifactsOf?.(asked, context) ?? NO_ARTIFACTS
      return yield* kind.run(asked.input, { signal: own.signal, artifacts, rights })
    } catch (error) {
      throw own.signal.aborted ? (own.signal.reason as Error) : error
    } finally {
      leave()
    }
  }

  /** Something of what the offers say has changed. */
  tellAll(): void {
    if (!this.isOpen) return
    this.#isStale = true
    if (!this.#isTelling) void this.#tellWhileStale()
  }

  /** Takes nothing new until it is resumed; what runs goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.tellAll()
  }

  /** Takes nothing new; what runs after `withinMs` is given back. */
  async drain(withinMs: number): Promise<void> {
    const drained = this.#running.drain(withinMs, (context) =>
      context.abort(new HaifError('SHUTTING_DOWN', 'the worker stops'))
    )
    this.tellAll()
    await drained
    await Promise.all(this.#deps.kinds.map(async (kind) => kind.stop?.()))
  }

  #assertTakes(type: string): TaskKind {
    const kind = this.#kinds.get(type)
    if (kind === undefined) {
      throw new HaifError('FORBIDDEN', `the owner of this worker does not allow ${type} tasks`)
    }
    if (this.#running.isDraining) throw new HaifError('SHUTTING_DOWN', 'the worker stops')
    if (this.#isPaused) throw new HaifError('WORKER_OVERLOADED', 'the worker is paused')
    if (this.#count < this.#deps.places) return kind
    throw new HaifError('WORKER_OVERLOADED', `the worker runs ${this.#count} tasks already`)
  }

  /**
   * A function that waits for one that it calls gives its place back meanwhile, which that one may
   * need: else functions that call each other would wait for places that they hold themselves. So
   * there are at most `CALL_DEPTH_MAX` waiting for each one that runs.
   */
  #rightsOf(asked: RunTask, context: ServerContext): RunRights {
    const rights = askedRights(this.#deps.mesh, asked, context)
    const move = (by: 1 | -1) => {
      this.#count += by
      this.#waiting -= by
      // With fewer there is a place left, whatever the services have heard.
      if (this.#count + this.#waiting >= this.#deps.places) this.tellAll()
    }
    return {
      ...rights,
      async call(wish) {
        move(-1)
        try {
          return await rights.call(wish)
        } finally {
          move(1)
        }
      }
    }
  }

  #enter(context: OwnedContext, service: string): () => void {
    const leaveDrain = this.#running.enter(context)
    const leaveService = this.#byService.enter(service)
    this.#count++
    this.#othersAffected()
    return () => {
      this.#count--
      leaveService()
      leaveDrain()
      this.#othersAffected()
    }
  }

  /** The service that has sent the task has counted it already; others have places less. */
  #othersAffected(): void {
    if (this.#deps.mesh().links('jobs').length > 1) this.tellAll()
  }

  async #tellWhileStale(): Promise<void> {
    this.#isTelling = true
    while (this.#isStale) {
      this.#isStale = false
      await Promise.all(
        this.#deps
          .mesh()
          .links('jobs')
          .map(async (link) => this.#tell(link))
      )
    }
    this.#isTelling = false
  }

  async #tell(link: PeerLink): Promise<void> {
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    try {
      await link.call(offerTasks, this.#offer(link.peer.key), context)
    } catch (error) {
      if (link.isClosed) return
      this.#deps.log.debug({ peer: link.peer.key, err: error }, 'offer of tasks not taken')
      setTimeout(() => this.tellAll(), AGAIN_MS).unref()
    }
  }

  #offer(service: string): TaskOffer {
    const { places, region, facts } = this.#deps
    const free = places - this.#count
    const built = this.#environments?.built().slice(0, OFFERED_ENVIRONMENTS_MAX) ?? []
    return {
      ...facts(),
      ...(built.length === 0 ? {} : { environments: built }),
      ...(region === undefined ? {} : { region }),
      types: [...this.#kinds.values()].map(({ type }) => type),
      places:
        this.#running.isDraining || this.#isPaused
          ? 0
          : Math.max(0, this.#byService.of(service) + free)
    }
  }
}

const noArtifacts = (): Promise<never> =>
  Promise.reject(new HaifError('UNSUPPORTED_PARAMETER', 'this worker keeps no artifacts'))
const NO_ARTIFACTS: TaskArtifacts = { read: noArtifacts, keep: noArtifacts }
