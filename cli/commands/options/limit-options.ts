/** The options of `haif token` and `haif tenant` that limit, and limits as people read them. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Limits } from '#shared/contracts/access/access.ts'
import type { LimitUse } from '#shared/contracts/access/limits.ts'
import { compactAmount, readAmount, readBudget } from '../../screen/amounts.ts'

export interface LimitOptions {
  models?: string[]
  rps?: number
  rpm?: number
  tpm?: number
  concurrent?: number
  budget?: Partial<Limits>
  maxContext?: number
  maxOutput?: number
  priority?: 'interactive' | 'batch'
  weight?: number
}

export function addLimitOptions(command: Command): Command {
  return command
    .option('--models <names>', 'the only models that may be used, separated by commas', names)
    .option('--rps <n>', 'requests in any second', readAmount)
    .option('--rpm <n>', 'requests in any minute', readAmount)
    .option('--tpm <n>', 'tokens in any minute', readAmount)
    .option('--concurrent <n>', 'requests that run at the same time', readAmount)
    .option('--budget <tokens/span>', 'as 1M/day or 20M/month; repeatable', readBudget)
    .option('--max-context <n>', 'tokens of prompt and answer of one request', readAmount)
    .option('--max-output <n>', 'tokens of one answer', readAmount)
    .addOption(
      new Option('--priority <class>', 'the best class of the queue').choices([
        'interactive',
        'batch'
      ])
    )
}

export function limitsOf(options: LimitOptions): Limits {
  const { models, rps, rpm, tpm, concurrent, budget, priority, weight } = options
  const given: { [Name in keyof Limits]: Limits[Name] | undefined } = {
    ...budget,
    models,
    requestsPerSecond: rps,
    requestsPerMinute: rpm,
    tokensPerMinute: tpm,
    concurrent,
    contextTokens: options.maxContext,
    outputTokens: options.maxOutput,
    priority,
    weight
  }
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined)
  ) as Limits
}

export function describeLimits(limits: Limits): string {
  const parts = [
    part(limits.requestsPerSecond, 'requests/s'),
    part(limits.requestsPerMinute, 'requests/min'),
    part(limits.tokensPerMinute, 'tokens/min'),
    part(limits.tokensPerDay, 'tokens/day'),
    part(limits.tokensPerMonth, 'tokens/month'),
    part(limits.concurrent, 'at once'),
    part(limits.contextTokens, 'tokens of context'),
    part(limits.outputTokens, 'tokens of output'),
    limits.models === undefined ? '' : `only ${limits.models.join(', ')}`,
    limits.priority === undefined ? '' : `class ${limits.priority}`,
    limits.weight === undefined ? '' : `weight ${limits.weight}`
  ]
  return parts.filter((text) => text !== '').join(', ') || 'no limits'
}

/** What is used of budgets, as `12K of 1M tokens/day used, renewed in 5 h`. */
export function describeUse(use: readonly LimitUse[] = []): string {
  return use
    .filter(({ limit }) => limit === 'tokensPerDay' || limit === 'tokensPerMonth')
    .map(({ limit, max, used, resetsInMs }) => {
      const span = limit === 'tokensPerDay' ? 'day' : 'month'
      const again = resetsInMs === undefined ? '' : `, renewed in ${inWords(resetsInMs)}`
      return `${compactAmount(used)} of ${compactAmount(max)} tokens/${span} used${again}`
    })
    .join('; ')
}

const HOUR_MS = 3_600_000

const inWords = (ms: number): string =>
  ms < 48 * HOUR_MS ? `${Math.ceil(ms / HOUR_MS)} h` : `${Math.round(ms / (24 * HOUR_MS))} days`

const part = (amount: number | undefined, what: string): string =>
  amount === undefined ? '' : `${compactAmount(amount)} ${what}`

function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim())
  if (list.every((name) => name !== '')) return list
  throw new InvalidArgumentError('It must be names of models, separated by commas.')
}

const CLEARS = {
  rps: 'requestsPerSecond',
  rpm: 'requestsPerMinute',
  tpm: 'tokensPerMinute',
  concurrent: 'concurrent',
  day: 'tokensPerDay',
  month: 'tokensPerMonth',
  models: 'models',
  context: 'contextTokens',
  output: 'outputTokens',
  priority: 'priority',
  weight: 'weight'
} as const satisfies Record<string, keyof Limits>

export const CLEARABLE = Object.keys(CLEARS).join(', ')

/** Limits that are lifted, separated by commas. */
export function readClear(text: string): Record<string, null> {
  const cleared = text.split(',').map((name) => {
    if (Object.hasOwn(CLEARS, name)) return [CLEARS[name as keyof typeof CLEARS], null]
    throw new InvalidArgumentError(`It must be some of ${CLEARABLE}, separated by commas.`)
  })
  return Object.fromEntries(cleared) as Record<string, null>
}
