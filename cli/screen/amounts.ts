/** Amounts and spans as people write them: 1M/day, 60k, 30d. */
import { InvalidArgumentError } from 'commander'
import type { Limits } from '#shared/contracts/access/access.ts'

const FACTORS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9 }
const SPANS_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

export function readAmount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text.trim())
  const amount = match === null ? 0 : Number(match[1]) * FACTORS[match[2]!.toLowerCase()]!
  if (Number.isInteger(amount) && amount >= 1) return amount
  throw new InvalidArgumentError('It must be a whole number, as 60, 20k or 1.5M.')
}

export function readSpanMs(text: string): number {
  const match = /^(\d+)([mhdw])$/.exec(text.trim())
  const spanMs = match === null ? 0 : Number(match[1]) * SPANS_MS[match[2]!]!
  if (spanMs > 0) return spanMs
  throw new InvalidArgumentError('It must be a time such as 30m, 12h, 30d or 4w.')
}

/** `1M/day`, `20M/month`; repeatable, so it adds to what was read before. */
export function readBudget(text: string, before: Partial<Limits> = {}): Partial<Limits> {
  const [amount = '', span, ...rest] = text.split('/')
  if (rest.length === 0 && span === 'day') return { ...before, tokensPerDay: readAmount(amount) }
  if (rest.length === 0 && span === 'month') {
    return { ...before, tokensPerMonth: readAmount(amount) }
  }
  throw new InvalidArgumentError('It must be tokens per day or month, as 1M/day or 20M/month.')
}

let compact: Intl.NumberFormat | null = null

/** A number as people write it: 494M, 7.62B. Its table is loaded when the first is written. */
export function compactAmount(amount: number): string {
  compact ??= new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
  return compact.format(amount)
}
