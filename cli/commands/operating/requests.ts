/** `haif requests`: requests that have ended, and all there is about one: why did it fail? */
import process from 'node:process'
import { Option, type Command } from 'commander'
import type { AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import type {
  RequestDetail,
  RequestRow,
  RequestsQuery
} from '#shared/contracts/http/admin/requests.ts'
import type { QueuedView } from '#shared/contracts/http/admin/queue.ts'
import {
  cancelRequest,
  listRequests,
  viewQueue,
  viewRequest
} from '#shared/contracts/peers/operating.ts'
import { askGateway, line, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf, shortKey } from '../../screen/terminal.ts'
import { TOPIC_KEY, wholeNumber } from '../options/options.ts'

const LIMIT_MAX = 500

interface RequestsOptions extends CommonOptions {
  running?: true
  failed?: true
  status?: 'ok' | 'stopped' | 'failed'
  tenant?: string
  model?: string
  code?: string
  limit: number
}

export function addRequestsCommand(program: Command): void {
  const command = program
    .command('requests')
    .description('list the latest requests, or show one with its attempts')
    .argument('[id]', 'as X-Request-ID or an error names it')
    .option('--running', 'those that run or wait, which "cancel" ends')
    .option('--failed', 'only those that failed')
    .addOption(new Option('--status <status>', 'only those').choices(['ok', 'stopped', 'failed']))
    .option('--tenant <name>', 'of one tenant alone')
    .option('--model <name>', 'of one model alone')
    .option('--code <code>', 'that ended with this error')
    .option('--limit <n>', 'how many', wholeNumber(1, LIMIT_MAX), 20)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(requests)
  command
    .command('cancel <id>')
    .description('end a request that runs or waits; its caller hears that it was cancelled')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, _options: unknown, cancel: Command) => {
      const options: CommonOptions = cancel.optsWithGlobals()
      const cancelled = await askGateway(cancelRequest, { id }, options)
      print(cancelled, [`request ${line(id)} is cancelled`], options)
    })
}

async function requests(id: string | undefined, options: RequestsOptions): Promise<void> {
  if (id !== undefined) {
    const request = await askGateway(viewRequest, { id }, options)
    return print(request, detail(request), options)
  }
  if (options.running === true) {
    const queue = await askGateway(viewQueue, {}, options)
    const rows = queue.requests.map(queued)
    return print(
      queue,
      rows.length === 0 ? ['nothing runs or waits'] : table(rows, screen(), ''),
      options
    )
  }
  const { tenant, model, code, limit } = options
  const status = options.failed === true ? 'failed' : options.status
  const given = { tenant, model, code, status }
  const wished = Object.entries(given).filter(([, value]) => value !== undefined)
  const query: RequestsQuery = { limit, ...Object.fromEntries(wished) }
  const page = await askGateway(listRequests, query, options)
  const rows = page.requests
  const shown = rows.length === 0 ? ['no such requests'] : table(rows.map(row), screen(), '')
  print(page, shown, options)
}

const screen = () => screenOf(process.stdout)

function queued({ requestId, model, worker, tenant, ageMs, ahead }: QueuedView): Cell[] {
  const place = ahead === undefined ? 'waits' : `waits, ${ahead} before it`
  return [
    { text: line(requestId) },
    {
      text: worker === undefined ? place : 'runs',
      format: worker === undefined ? 'yellow' : 'green'
    },
    { text: line(model), format: 'bold' },
    { text: worker === undefined ? '' : shortKey(worker) },
    { text: seconds(ageMs) },
    { text: line(tenant), format: 'dim' }
  ]
}

function row(request: RequestRow): Cell[] {
  const { status, code, promptTokens, completionTokens, durationMs, endedAt, worker } = request
  return [
    { text: endedAt === undefined ? 'runs' : shortTime(endedAt), format: 'dim' },
    { text: line(request.requestId) },
    { text: code === undefined ? status : line(code), format: status === 'ok' ? 'green' : 'red' },
    { text: line(request.model), format: 'bold' },
    { text: worker === undefined ? '' : shortKey(worker) },
    { text: `${promptTokens} + ${completionTokens} tokens` },
    { text: seconds(durationMs) },
    { text: line(request.tenant), format: 'dim' }
  ]
}

function detail(request: RequestDetail): string[] {
  const { message, cause, attemptsMade, queueMs, prefillMs, decodeMs } = request
  const [queue, prompt, answer] = [queueMs, prefillMs, decodeMs].map(seconds)
  const times = `queue ${queue}, prompt ${prompt}, answer ${answer}`
  const token =
    request.token === undefined ? '' : `, token ${line(request.tokenName ?? request.token)}`
  return [
    ...table([row(request)], screen(), ''),
    `tenant ${line(request.tenant)}${token}; ${times}`,
    ...(message === undefined ? [] : [`why: ${line(message)}`]),
    ...(cause === undefined ? [] : [`behind it: ${line(cause)}`]),
    ...attemptsMade.flatMap(attempt),
    ...(request.prompt === undefined ? [] : ['prompt:', request.prompt]),
    ...(request.answer === undefined ? [] : ['answer:', request.answer])
  ].map((text) => text.trimEnd())
}

function attempt(
  { worker, outcome, reason, startedMs, endedMs, code, message }: AttemptTold,
  i: number
) {
  const failed = code === undefined ? '' : `: ${code}, ${message ?? ''}`
  const when = `${seconds(startedMs)} to ${seconds(endedMs)}`
  return [
    line(`attempt ${i + 1} on ${shortKey(worker)}, ${when}, ${outcome}${failed}`),
    line(`  chosen for ${reason}`)
  ]
}

const seconds = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
