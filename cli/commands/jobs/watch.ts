/** `haif jobs watch`: progress as it happens, and at the end the result on stdout. */
import process from 'node:process'
import type { Command } from 'commander'
import type { JobView } from '#shared/contracts/jobs/views.ts'
import { createContext } from '#shared/rpc/context.ts'
import { watchJob } from '#shared/jobs/watch-job.ts'
import type { Client } from '../../ask/client.ts'
import { line, withGateways, type CommonOptions } from '../../ask/gateway-call.ts'
import { jobNamed, readJob } from '../../ask/job-events.ts'
import { cancelled, listenForEnd } from '../../screen/ending.ts'
import { JobBoard } from '../../screen/job-board.ts'
import { resultText } from '../../screen/render-jobs.ts'
import { printable, screenOf } from '../../screen/terminal.ts'
import { TOPIC_KEY } from '../options/options.ts'

const DAY_MS = 86_400_000

export function addWatchCommand(jobs: Command): void {
  jobs
    .command('watch <job>')
    .description('follow a job until it has ended; Ctrl-C leaves it running')
    .option('--json', 'print a line of JSON for each event')
    .option(...TOPIC_KEY)
    .action(async (name: string, options: CommonOptions) => {
      await withGateways(options, async (client) => {
        await follow(client, await jobNamed(client.peers, name), options)
      })
    })
}

/** Progress goes to stderr, so that a pipe gets the result alone; the end is the exit code. */
export async function follow(
  { peers }: Client,
  jobId: string,
  { json }: CommonOptions
): Promise<void> {
  using ending = listenForEnd()
  using context = createContext({ timeoutMs: DAY_MS })
  ending.signal.addEventListener('abort', () => context.abort(cancelled()))
  const board = new JobBoard(process.stderr, screenOf(process.stderr))
  try {
    for await (const event of watchJob(peers, { jobId, after: undefined }, context)) {
      if (json === true) process.stdout.write(`${JSON.stringify(event)}\n`)
      else board.show(event)
    }
  } catch (error) {
    if (!ending.signal.aborted) throw error
    process.exitCode = ending.exitCode
    return
  } finally {
    board.end()
  }
  const job = await readJob(peers, jobId)
  if (json !== true) report(job)
  if (job.status !== 'Completed' && job.status !== 'Archived') process.exitCode = 1
}

function report(job: JobView): void {
  const text = resultText(job)
  if (text !== null) process.stdout.write(`${process.stdout.isTTY ? printable(text) : text}\n`)
  if (job.status === 'Completed') return
  const why = job.error === undefined ? '' : `: ${job.error.code} ${job.error.message}`
  process.stderr.write(`${job.jobId} is ${job.status}${line(why)}\n`)
  if (job.status !== 'Failed') return
  process.stderr.write(`run what failed again with: haif jobs resume ${job.jobId.slice(0, 12)}\n`)
}
