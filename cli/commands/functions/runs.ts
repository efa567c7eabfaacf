/** `haif runs`: calls of functions and pipelines. */
import process from 'node:process'
import type { Command } from 'commander'
import { gatewayGetRun, gatewayListRuns } from '#shared/contracts/functions/callers.ts'
import type { RunView } from '#shared/contracts/functions/runs.ts'
import { gatewayChangeJob } from '#shared/contracts/jobs/callers.ts'
import { createContext } from '#shared/rpc/context.ts'
import { askGateway, print, withGateways, type CommonOptions } from '../../ask/gateway-call.ts'
import { jobNamed } from '../../ask/job-events.ts'
import { renderRun, renderRuns } from '../../screen/render-functions.ts'
import { printable, screenOf } from '../../screen/terminal.ts'
import { TOPIC_KEY, wholeNumber } from '../options/options.ts'

const ASK_MS_MAX = 20_000

export function addRunsCommand(program: Command): void {
  const runs = program.command('runs').description('calls of functions and pipelines')
  runs
    .command('ls', { isDefault: true })
    .description('list runs, the newest first')
    .option('--limit <n>', 'how many', wholeNumber(1, 200), 20)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async ({ limit, ...options }: CommonOptions & { limit: number }) => {
      const page = await askGateway(gatewayListRuns, { limit }, options)
      print(page, renderRuns(page.runs, screenOf(process.stdout), Date.now()), options)
    })
  runs
    .command('show <run>')
    .description('its nodes, where they ran, and its result')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (name: string, options: CommonOptions) => {
      const run = await readRun(name, options)
      print(run, renderRun(run, screenOf(process.stdout)), options)
    })
  runs
    .command('logs <run>')
    .description('what it has printed')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(showLogs)
  addChange(runs, 'cancel', 'cancel', 'end a run and its processes')
  addChange(runs, 'retry', 'resume', 'run again what has failed; what has completed is kept')
}

export async function showLogs(name: string, options: CommonOptions): Promise<void> {
  const { nodes } = await readRun(name, options)
  const several = nodes.length > 1
  const lines = nodes.flatMap(({ node, stdout = '', stderr = '' }) => {
    const text = printable(`${stdout}${stderr}`.trimEnd())
    if (text === '') return []
    return several ? [`== ${node}`, text] : [text]
  })
  print(nodes, lines, options)
}

async function readRun(name: string, options: CommonOptions): Promise<RunView> {
  return withGateways(options, async ({ peers }) => {
    const runId = await jobNamed(peers, name)
    using context = createContext({ timeoutMs: ASK_MS_MAX })
    return await peers.call(gatewayGetRun, { runId }, context)
  })
}

function addChange(
  runs: Command,
  name: string,
  act: 'cancel' | 'resume',
  description: string
): void {
  runs
    .command(`${name} <run>`)
    .description(description)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (run: string, options: CommonOptions) => {
      await withGateways(options, async ({ peers }) => {
        const jobId = await jobNamed(peers, run)
        using context = createContext({ timeoutMs: ASK_MS_MAX })
        const changed = await peers.call(gatewayChangeJob, { jobId, act }, context)
        print(changed, [`${jobId} is ${changed.status}`], options)
      })
    })
}
