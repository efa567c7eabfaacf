/**
 * Runs a task with a `map` in two attempts: the first finds the list and makes a task of each of
 * its parts, the second, when they are completed, gathers what they put out. So parts run, fail and
 * are repeated like any other task.
 */
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Notices } from '../events/notices.ts'
import { resolveMap } from '../graph/resolve.ts'
import { lackOfType, needsKeyOf, needsText, type Needs } from '../schedule/needs.ts'
import { updateJobs } from '../store/jobs/update-jobs.ts'
import { lockJobs } from '../store/jobs/lock-jobs.ts'
import type { TaskRow } from '../store/rows.ts'
import { insertParts, type NewPart } from '../store/tasks/insert-parts.ts'
import { readParts } from '../store/tasks/read-outputs.ts'
import { knownTo, type InputDeps } from './inputs.ts'
import type { Runner, Running } from './runner.ts'

interface MapRunnerDeps extends InputDeps {
  notices: Notices
  owner: string
  /** Parts are ready. */
  onReady: () => void
}

/** Each takes a moment of the database. */
const PLACES = 16

export class MapRunner implements Runner {
  readonly key = 'map'
  readonly places = PLACES
  readonly #deps: MapRunnerDeps

  constructor(deps: MapRunnerDeps) {
    this.#deps = deps
  }

  lacks(needs: Needs): string | null {
    return needs.type === 'map' ? null : lackOfType(needs)
  }

  async *run(task: TaskRow, _input: unknown, context: RequestContext): Running {
    const { store, artifacts, onReady } = this.#deps
    const parts = await readParts(store, task.job_id, task.task_id)
    if (parts.length > 0) {
      const outputs: unknown[] = []
      for (const part of parts) outputs.push(await artifacts.outputOf(part, context))
      return { output: outputs }
    }
    const items = resolveMap(JSON.parse(task.map!), await knownTo(this.#deps, task, context))
    if (items.length === 0) return { output: [] }
    yield* []
    if (await this.#split(task, items)) onReady()
    return null
  }

  async #split(task: TaskRow, items: readonly unknown[]): Promise<boolean> {
    const { store, notices, owner } = this.#deps
    const needs = needsText({ ...(JSON.parse(task.needs) as Needs), type: task.type })
    const parts = items.map((item, nth): NewPart => {
      const task_id = `${task.task_id}.${nth}`
      return { task_id, item: JSON.stringify(item ?? null), needs, needs_key: needsKeyOf(needs) }
    })
    return store.transaction(async (tx) => {
      const [job] = await lockJobs(tx, [task.job_id])
      if (job === undefined || !(await insertParts(tx, owner, task, parts))) return false
      const { total, queued } = job
      await updateJobs(tx, [{ ...job, total: total + parts.length, queued: queued + parts.length }])
      await notices.tell(tx, { ready: true })
      return true
    })
  }
}
