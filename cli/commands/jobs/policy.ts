/** `haif policy`: what may run where, and with which model. */
import process from 'node:process'
import type { Command } from 'commander'
import {
  gatewayExplainPolicy,
  gatewayGetPolicy,
  gatewaySetPolicy
} from '#shared/contracts/jobs/callers.ts'
import type { PolicyDecision } from '#shared/contracts/jobs/policy.ts'
import { actorText } from '../../ask/actor-text.ts'
import {
  askGateway,
  line,
  print,
  shortTime,
  withGateways,
  type CommonOptions
} from '../../ask/gateway-call.ts'
import { readText } from '../../ask/read-text.ts'
import { jobNamed } from '../../ask/job-events.ts'
import { placeText } from '../../screen/render-jobs.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'
import { TOPIC_KEY, wholeNumber } from '../options/options.ts'

const VERSION_MAX = 1_000_000

interface SetOptions extends CommonOptions {
  ifVersion?: number
  dryRun?: true
}

export function addPolicyCommand(program: Command): void {
  const policy = program.command('policy').description('what may run where')
  policy
    .command('set <file>')
    .description('put a YAML file in force, at once and on the whole mesh; - reads the pipe')
    .option('--if-version <n>', 'only over this version', wholeNumber(0, VERSION_MAX))
    .option('--dry-run', 'only check it')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(set)
  policy
    .command('show', { isDefault: true })
    .description('the policy in force, as it was written')
    .option('--version <n>', 'an earlier one', wholeNumber(1, VERSION_MAX))
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(show)
  policy
    .command('explain <job>')
    .description('which rule decides about a job, its tasks, and each worker')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(explain)
}

async function set(file: string, options: SetOptions): Promise<void> {
  const { ifVersion, dryRun } = options
  const yaml = readText(file)
  const wish = {
    yaml,
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(dryRun === undefined ? {} : { dryRun })
  }
  const made = await askGateway(gatewaySetPolicy, wish, options)
  const rules = made.document.rules?.length ?? 0
  const what = dryRun === true ? 'can be set' : `is version ${made.version}, and in force`
  print(made, [`${file} (${rules} rule${rules === 1 ? '' : 's'}) ${what}`], options)
}

async function show(options: CommonOptions & { version?: number }): Promise<void> {
  const { version } = options
  const found = await askGateway(
    gatewayGetPolicy,
    version === undefined ? {} : { version },
    options
  )
  const { setBy = '', setAt = 0 } = found
  const about = `# version ${found.version}, set ${shortTime(setAt)} by ${actorText(options)(setBy)}`
  const lines =
    found.version === 0 ? ['no policy is set: everything may run'] : [about, found.yaml.trimEnd()]
  print(found, lines, options)
}

async function explain(name: string, options: CommonOptions): Promise<void> {
  const jobId = await withGateways(options, ({ peers }) => jobNamed(peers, name))
  const found = await askGateway(gatewayExplainPolicy, { jobId }, options)
  const { version, tenant, decisions, route } = found
  const lines = [
    `${jobId} of ${line(tenant)}, by policy ${version}`,
    ...table(decisions.map(cells), screenOf(process.stdout))
  ]
  if (route !== undefined) {
    const models = [route.model ?? "the mesh's default", ...(route.fallback ?? [])]
    lines.push(`model: ${line(models.join(', then '))} (${line(route.rule)})`)
  }
  print(found, lines, options)
}

const cells = ({ what, worker, allowed, rule, reason }: PolicyDecision): Cell[] => [
  { text: line(what), format: 'bold' },
  { text: worker === undefined ? '' : `on ${placeText(worker)}` },
  allowed ? { text: 'allowed', format: 'green' } : { text: 'denied', format: 'red' },
  { text: line(rule) },
  { text: line(reason) }
]
