/** What a policy decides by, from a job, a task and a worker. */
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { PolicyFacts } from './decide.ts'

const DEFAULT_TYPE = 'chat'
const DEFAULT_PRIORITY = 'standard'

type Described = Pick<
  SubmitJob,
  'type' | 'priority' | 'policy' | 'model' | 'dataClassification' | 'networkIsolation'
>

export function jobFacts(job: Described, tenant: string): PolicyFacts {
  return {
    tenant,
    jobType: job.type ?? DEFAULT_TYPE,
    priority: job.priority ?? DEFAULT_PRIORITY,
    policy: job.policy ?? '',
    dataClassification: job.dataClassification ?? '',
    networkIsolation: job.networkIsolation ?? '',
    ...(job.model === undefined ? {} : { model: job.model })
  }
}

export function taskFacts(
  job: PolicyFacts,
  { type, input, constraints }: Pick<GraphTask, 'type' | 'input' | 'constraints'>
): PolicyFacts {
  const { model } = input
  return {
    ...job,
    taskType: type,
    model: typeof model === 'string' ? model : (constraints?.model ?? ''),
    requiresGpu: constraints?.gpu ?? false
  }
}

/** Of a worker that says no region it is empty. */
export const workerFacts = (
  task: PolicyFacts,
  { region = '' }: { region?: string }
): PolicyFacts => ({
  ...task,
  workerLocality: region
})
