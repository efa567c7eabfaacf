/** Answers gateways. */
import {
  changeJob,
  getJob,
  listDeadLetters,
  listJobs,
  listTasks,
  requeueDeadLetters,
  submitAndWait,
  submitJob,
  watchJob
} from '#shared/contracts/jobs/methods.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import { watch } from '../events/watch.ts'
import type { Engine } from '../run/engine.ts'
import type { TaskRow } from '../store/rows.ts'
import { changeJob as change } from './change.ts'
import { deadLettersPage, requeue } from './dead-letters.ts'
import { assertJob, jobsPage, tasksPage } from './read.ts'
import { jobWithResult } from './result.ts'
import { runToEnd } from './run-to-end.ts'
import { Intake, type Planner } from './submit.ts'

interface AnswerDeps {
  store: Store
  engine: Engine
  plan: Planner
}

export function answerGateways(router: Router, { store, engine, plan }: AnswerDeps): void {
  const { notices, held, live } = engine
  const onReady = () => engine.look()
  const onHeld = (tenant: string) => {
    if (held.isLimited(tenant)) void held.release([tenant])
  }
  const isLimited = (tenant: string) => held.isLimited(tenant)
  const intake = new Intake({
    store,
    notices,
    plan,
    isLimited,
    lackFor: (needs, tenant) => engine.lackFor(needs, tenant),
    reserve: (lanes) => engine.reserve(lanes),
    runNow: (job, task, reserved) => engine.runNow(job, task, reserved),
    onReady: (lanes) => engine.lookAt(lanes),
    onHeld
  })
  const whyWaiting = (task: TaskRow) => engine.whyWaiting(task)
  const changing = {
    store,
    notices,
    onChanged: (jobId: string) => live.changed([jobId]),
    onReady,
    onCanceled: (jobId: string) => engine.cancel(jobId),
    onHeld
  }
  const onRequeued = (jobIds: readonly string[]) => {
    live.changed(jobIds)
    engine.look()
  }
  router
    .respond(submitJob, (request, context) => intake.submit(request, context))
    .serve(submitAndWait, (request, context) =>
      runToEnd({ store, live, intake, whyWaiting }, request, context)
    )
    .respond(listJobs, ({ tenant, query }) => jobsPage(store, query, tenant))
    .respond(getJob, async ({ tenant, jobId }) =>
      jobWithResult(store, await assertJob(store, jobId, tenant))
    )
    .respond(listTasks, async ({ tenant, jobId, query }) => {
      await assertJob(store, jobId, tenant)
      return tasksPage(store, jobId, query, whyWaiting)
    })
    .respond(changeJob, (request) => change(changing, request))
    .serve(watchJob, (request, context) => watch({ store, live, whyWaiting }, request, context))
    .respond(listDeadLetters, (query) => deadLettersPage(store, query))
    .respond(requeueDeadLetters, (request) => requeue({ store, notices, onRequeued }, request))
}
