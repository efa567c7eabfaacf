/** Finds the job that a person means, and reads what has happened to it. */
import { gatewayGetJob, gatewayListJobs } from '#shared/contracts/jobs/callers.ts'
import type { JobEvent } from '#shared/contracts/jobs/events.ts'
import { JOB_ID_PATTERN } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import { watchJob } from '#shared/jobs/watch-job.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext, type RequestContext } from '#shared/rpc/context.ts'

const ASK_MS_MAX = 20_000
const LIST_MAX = 1000
const JOB_ID = new RegExp(JOB_ID_PATTERN)

/** The id of the job that a person names with its beginning. */
export async function jobNamed(gateways: PeerPool, name: string): Promise<string> {
  if (JOB_ID.test(name)) return name
  const beginning = name.startsWith('job-') ? name : `job-${name}`
  using context = createContext({ timeoutMs: ASK_MS_MAX })
  const { jobs } = await gateways.call(gatewayListJobs, { limit: LIST_MAX }, context)
  const found = jobs.filter(({ jobId }) => jobId.startsWith(beginning))
  if (found.length === 1) return found[0]!.jobId
  const problem = found.length === 0 ? 'there is no job' : `${found.length} jobs begin with`
  throw new HaifError('NOT_FOUND', `${problem} ${name}; "haif jobs ls" lists them`)
}

/** Everything that has happened to a job until now. */
export async function* pastOf(
  gateways: PeerPool,
  jobId: string,
  context: RequestContext
): AsyncGenerator<JobEvent, void, void> {
  let latest = 0
  for await (const event of watchJob(gateways, { jobId, after: undefined }, context)) {
    if (event.event === 'job.snapshot') latest = event.id ?? 0
    break
  }
  if (latest === 0) return
  for await (const event of watchJob(gateways, { jobId, after: 0 }, context)) {
    if (event.event === 'task.output') continue
    yield event
    if ('id' in event && (event.id ?? 0) >= latest) return
  }
}

export const readJob = async (gateways: PeerPool, jobId: string) => {
  using context = createContext({ timeoutMs: ASK_MS_MAX })
  return await gateways.call(gatewayGetJob, { jobId }, context)
}
