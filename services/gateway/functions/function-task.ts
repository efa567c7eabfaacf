/** The task that calls a function, with what its library says of how it runs. Pure. */
import { hash } from 'node:crypto'
import type { FunctionTask } from '#shared/contracts/functions/function-task.ts'
import type { StartRun } from '#shared/contracts/functions/runs.ts'
import type { RunSubject } from '#shared/contracts/functions/subject.ts'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'
import type { ResolvedObject } from './resolved-object.ts'

interface How {
  tenant: string
  /** Where this call is to run; absent: where the run or the library says. */
  machine: string | undefined
  run: StartRun
}

const DEFAULT_WALL_MS = 300_000
/** Of a task over what the function may take: to bring its bundle and build its environment. */
const AROUND_MS = 600_000

export function functionTask(
  object: ResolvedObject,
  args: Readonly<Record<string, unknown>>,
  { tenant, machine: pinned, run }: How
): Omit<GraphTask, 'id'> {
  const { subject, bytes, seal, policy, secrets } = object
  const machine = machineOf(object, pinned, run)
  const input: FunctionTask = {
    bundle: { sha256: subject.sha256, bytes },
    seal,
    arguments: args,
    of: { owner: subject.owner, library: subject.library, name: subject.name, depth: 0 },
    ...(secrets === undefined ? {} : { secrets }),
    ...(policy.warm === true ? { warm: warmKey(subject, tenant) } : {}),
    ...limitsOf(policy)
  }
  return {
    type: 'function',
    input: { ...input },
    retries: run.retries ?? 0,
    timeoutMs: (run.timeoutMs ?? policy.wallMs ?? DEFAULT_WALL_MS) + AROUND_MS,
    ...constraintsOf(object, machine, run)
  }
}

/** What the library asks of a worker holds beside what the run asks. */
function constraintsOf(
  { policy, packages }: ResolvedObject,
  machine: string | undefined,
  run: StartRun
): Pick<GraphTask, 'constraints'> {
  const labels = { ...run.labels, ...policy.labels }
  const wanted = {
    workers: machine === undefined ? policy.machines : [machine],
    gpu: policy.gpu === true || run.gpu === true ? true : undefined,
    region: policy.region ?? run.region,
    labels: Object.keys(labels).length === 0 ? undefined : labels,
    packages
  }
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
  return given.length === 0 ? {} : { constraints: Object.fromEntries(given) }
}

/** A node that is pinned runs there; then what the run says, and what the library says. */
export function machineOf(
  { policy, subject }: ResolvedObject,
  pinned: string | undefined,
  run: StartRun
): string | undefined {
  const machine = pinned ?? run.machine ?? policy.machine
  if (machine === undefined || policy.machines?.includes(machine) !== false) return machine
  throw new HaifError(
    'FORBIDDEN',
    `${subject.owner}/${subject.library} runs only on ${policy.machines.join(', ')}`,
    { details: { param: 'machine' } }
  )
}

function limitsOf({ memoryBytes, wallMs }: ResolvedObject['policy']): Pick<FunctionTask, 'limits'> {
  const limits = Object.entries({ memoryBytes, wallMs }).filter(([, most]) => most !== undefined)
  return limits.length === 0 ? {} : { limits: Object.fromEntries(limits) }
}

/** A worker does not learn the tenant, and yet keeps no process of one for another. */
const warmKey = ({ sha256 }: RunSubject, tenant: string): string =>
  hash('sha256', `${sha256} ${tenant}`).slice(0, 32)
