/** Tasks that put out what a test gives them, as tools that run no command; and how they end. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import { listTasks, submitJob, watchJob } from '#shared/contracts/jobs/methods.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { TaskKind } from '../../../services/worker/tasks/task-kind.ts'

interface Seen {
  /** First arguments of what runs now. */
  running: Set<string>
  /** How often each has begun. */
  begun: Map<string, number>
  /** Those that are refused for good. */
  refused: Set<string>
}

export const nothingSeen = (): Seen => ({
  running: new Set(),
  begun: new Map(),
  refused: new Set()
})

/**
 * Puts out its first argument as JSON, after as many milliseconds as its second says. A third, and
 * it fails so.
 */
export function toolKind(
  seen = nothingSeen(),
  onBegun: (name: string) => void = () => {}
): TaskKind {
  return {
    type: 'tool_execution',
    async *run(given, { signal }) {
      const { command, stdin = '' } = given as { command: string[]; stdin?: string }
      const [json = 'null', ms = '0', failure] = command
      if (seen.refused.has(json)) throw new HaifError('VALIDATION_FAILED', 'not this one')
      seen.running.add(json)
      seen.begun.set(json, (seen.begun.get(json) ?? 0) + 1)
      try {
        onBegun(json)
        if (ms !== '0') await sleep(Number(ms), undefined, { signal })
        if (failure !== undefined) throw new HaifError('ENGINE_FAILED', failure)
        if (stdin !== '') yield { text: stdin }
        return { output: { json: JSON.parse(json) as unknown } }
      } finally {
        seen.running.delete(json)
      }
    }
  }
}

export const toolTask = (
  id: string,
  output: unknown = null,
  more: Partial<GraphTask> & { ms?: number } = {}
): GraphTask => {
  const { ms = 0, ...rest } = more
  const input = { command: [JSON.stringify(output), String(ms)] }
  return { id, type: 'tool_execution', input, ...rest }
}

export async function submit(
  link: PeerLink,
  job: SubmitJob,
  context: RequestContext,
  tenant = 'a'
): Promise<string> {
  return (await link.call(submitJob, { tenant, job }, context)).jobId
}

/** Resolves when the job has ended. */
export async function jobEnd(
  link: PeerLink,
  jobId: string,
  context: RequestContext
): Promise<void> {
  const events = link.stream(watchJob, { jobId }, context)
  while ((await events.next()).done !== true);
}

export async function tasksOf(link: PeerLink, jobId: string, context: RequestContext) {
  return (await link.call(listTasks, { jobId, query: {} }, context)).tasks
}

export async function statesOf(link: PeerLink, jobId: string, context: RequestContext) {
  return (await tasksOf(link, jobId, context)).map(({ status }) => status)
}
