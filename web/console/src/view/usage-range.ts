/** Spans of days for which usage is summed up. Days are in UTC, as in the books. */
const DAY_MS = 86_400_000

export const RANGES = [
  ['month', 'This month'],
  ['last-month', 'Last month'],
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days']
] as const
export type RangeName = (typeof RANGES)[number][0]

interface Range {
  from: number
  /** Not in it any more. */
  to: number
}

export function rangeOf(name: RangeName, now: number): Range {
  const today = Math.floor(now / DAY_MS) * DAY_MS
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  switch (name) {
    case 'month':
      return { from: Date.UTC(year, month), to: today + DAY_MS }
    case 'last-month':
      return { from: Date.UTC(year, month - 1), to: Date.UTC(year, month) }
    case '7':
    case '30':
      return { from: today - (Number(name) - 1) * DAY_MS, to: today + DAY_MS }
  }
}

/** Every day of the range as `2026-11-28`, also those on which nothing was asked. */
export function daysOf({ from, to }: Range): string[] {
  const days = []
  for (let day = from; day < to; day += DAY_MS) days.push(new Date(day).toISOString().slice(0, 10))
  return days
}
