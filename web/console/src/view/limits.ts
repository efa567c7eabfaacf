/** Limits of tokens and tenants as people write and read them. */
import type { LimitsBody } from '../mesh/bodies.ts'
import { amount } from './figures.ts'

type CountedLimit =
  | 'requests_per_second'
  | 'requests_per_minute'
  | 'tokens_per_minute'
  | 'concurrent'
  | 'tokens_per_day'
  | 'tokens_per_month'
  | 'context_tokens'
  | 'output_tokens'

/** In the order of the form. */
export const LIMITS: readonly (readonly [CountedLimit, string])[] = [
  ['requests_per_minute', 'Requests a minute'],
  ['tokens_per_minute', 'Tokens a minute'],
  ['concurrent', 'At the same time'],
  ['requests_per_second', 'Requests a second'],
  ['tokens_per_day', 'Tokens a day'],
  ['tokens_per_month', 'Tokens a month'],
  ['context_tokens', 'Tokens of a request'],
  ['output_tokens', 'Tokens of an answer']
]

const UNITS: Record<CountedLimit, string> = {
  requests_per_second: 'requests/s',
  requests_per_minute: 'requests/min',
  tokens_per_minute: 'tokens/min',
  concurrent: 'at a time',
  tokens_per_day: 'tokens/day',
  tokens_per_month: 'tokens/month',
  context_tokens: 'tokens a request',
  output_tokens: 'tokens an answer'
}

export function limitsText(limits: LimitsBody): string {
  const parts = LIMITS.flatMap(([name]) => {
    const value = limits[name]
    return value === undefined ? [] : [`${amount(value)} ${UNITS[name]}`]
  })
  if (limits.models !== undefined) parts.push(limits.models.join(', '))
  if (limits.priority === 'batch') parts.push('batch only')
  if (limits.weight !== undefined && limits.weight !== 1) parts.push(`weight ${limits.weight}`)
  return parts.join(' · ')
}

const FACTORS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9 }

/** `60`, `20k`, `1.5M`; null for an empty text, undefined for one that is no amount. */
export function readAmount(text: string): number | null | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return null
  const match = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(trimmed)
  if (match === null) return undefined
  const value = Math.round(Number(match[1]) * FACTORS[match[2]!.toLowerCase()]!)
  return value >= 1 ? value : undefined
}

interface LimitChange {
  name: CountedLimit
  before: number | undefined
  after: number | null
}

/** What differs from before; null takes a limit away. */
export function changedLimits(
  before: LimitsBody,
  wished: Partial<Record<CountedLimit, number | null>>
): LimitChange[] {
  return LIMITS.flatMap(([name]) => {
    const after = wished[name]
    if (after === undefined || after === (before[name] ?? null)) return []
    return [{ name, before: before[name], after }]
  })
}

/** `requestsPerMinute` of a report is `requests_per_minute` of a body. */
export const unitOf = (limit: string): string =>
  UNITS[limit.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as CountedLimit] ?? limit
