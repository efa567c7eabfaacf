/** From an object that may run and what is asked of it to a job. Pure. */
import type { StartRun } from '#shared/contracts/functions/runs.ts'
import type { RunSubject } from '#shared/contracts/functions/subject.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { assertLiteral } from '#shared/functions/check-pipeline.ts'
import { fittingArguments } from './arguments.ts'
import { functionTask, machineOf } from './function-task.ts'
import { pipelineTasks, type PipelineTasks } from './pipeline-job.ts'
import type { ResolvedObject } from './resolved-object.ts'

interface RunJob {
  job: SubmitJob
  subject: RunSubject
}

/** The only task of a function. */
const NODE = 'run'

/** `objects`: those that the nodes of a pipeline name, by their references. */
export function runJob(
  object: ResolvedObject,
  objects: ReadonlyMap<string, ResolvedObject>,
  { run, tenant }: { run: StartRun; tenant: string }
): RunJob {
  // What a caller writes is what the function gets: it refers to no other task.
  assertLiteral(run.arguments, 'arguments')
  const { subject, pipeline } = object
  const { tasks, output } =
    pipeline === undefined
      ? functionTasks(object, run, tenant)
      : pipelineTasks(pipeline, objects, { run, tenant })
  const machine = pipeline === undefined ? machineOf(object, undefined, run) : run.machine
  return {
    job: { type: subject.kind, tenant, priority: run.priority ?? 'interactive', tasks },
    subject: {
      ...subject,
      output,
      ...(machine === undefined ? {} : { machine }),
      ...(run.offlinePolicy === undefined ? {} : { offlinePolicy: run.offlinePolicy })
    }
  }
}

function functionTasks(object: ResolvedObject, run: StartRun, tenant: string): PipelineTasks {
  const args = fittingArguments(object.inputs, run.arguments ?? {})
  const task = functionTask(object, args, { tenant, machine: undefined, run })
  return { tasks: [{ ...task, id: NODE }], output: NODE }
}
