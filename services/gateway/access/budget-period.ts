/**
 * The periods of budgets: days and months in UTC, so that they renew everywhere at the same time.
 */
export type BudgetSpan = 'day' | 'month'

export interface BudgetPeriod {
  span: BudgetSpan
  /** `2026-11-21`, `2026-11`. */
  name: string
  /** The first moment, and that of the next one, in milliseconds since 1970. */
  beginsAt: number
  endsAt: number
}

const MONTH_CHARACTERS = 7
const DAY_CHARACTERS = 10

/** `now` in milliseconds since 1970. */
export function periodOf(span: BudgetSpan, now: number): BudgetPeriod {
  const date = new Date(now)
  const text = date.toISOString()
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  const [name, beginsAt, endsAt] =
    span === 'day'
      ? [text.slice(0, DAY_CHARACTERS), Date.UTC(year, month, day), Date.UTC(year, month, day + 1)]
      : [text.slice(0, MONTH_CHARACTERS), Date.UTC(year, month), Date.UTC(year, month + 1)]
  return { span, name, beginsAt, endsAt }
}

/** The periods of now, which every request asks for and which change once a day. */
export class PresentPeriods {
  readonly #known = new Map<BudgetSpan, BudgetPeriod>() // one of each span

  at(span: BudgetSpan, now: number): BudgetPeriod {
    const known = this.#known.get(span)
    if (known !== undefined && now >= known.beginsAt && now < known.endsAt) return known
    const period = periodOf(span, now)
    this.#known.set(span, period)
    return period
  }
}
