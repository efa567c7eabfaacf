/** The periods of budgets: days and months in UTC, so that they renew everywhere at the same time. */
export type BudgetSpan = 'day' | 'month'

export interface BudgetPeriod {
  span: BudgetSpan
  /** `2026-11-21`, `2026-11`. */
  name: string
  /** When the next one begins, in milliseconds since 1970. */
  endsAt: number
}

const MONTH_CHARACTERS = 7
const DAY_CHARACTERS = 10

/** `now` in milliseconds since 1970. */
export function periodOf(span: BudgetSpan, now: number): BudgetPeriod {
  const date = new Date(now)
  const text = date.toISOString()
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  return span === 'day'
    ? { span, name: text.slice(0, DAY_CHARACTERS), endsAt: Date.UTC(year, month, day + 1) }
    : { span, name: text.slice(0, MONTH_CHARACTERS), endsAt: Date.UTC(year, month + 1) }
}
