/** Writes numbers and times for people. */
const UNITS = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB']
] as const
const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

export function bytes(count: number): string {
  const [unit, letter] = UNITS.find(([least]) => count >= least) ?? [1, 'B']
  const value = count / unit
  return `${value >= 100 || unit === 1 ? Math.round(value) : Number(value.toPrecision(2))} ${letter}`
}

/** `34 of 64 GB`: the unit once where both have the same. */
export function partOf(part: number, whole: number): string {
  const [count = '', unit] = bytes(part).split(' ')
  const all = bytes(whole)
  return all.endsWith(` ${unit}`) ? `${count} of ${all}` : `${bytes(part)} of ${all}`
}

/** 950, 12.4k, 3.1M: three digits say enough on a screen. */
export function amount(count: number): string {
  if (count < 1000) return String(Math.round(count * 10) / 10)
  for (const [unit, letter] of AMOUNTS) {
    if (count >= unit) return `${Number((count / unit).toPrecision(3))}${letter}`
  }
  return String(count)
}
const AMOUNTS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k']
] as const

/** A number of parameters as people write it: 494M, 7.62B. */
export const parameterCount = (count: number): string => amount(count).replace('G', 'B')

export function span(ms: number): string {
  if (ms < 1) return '<1 ms'
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`
  if (ms < 10 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`
  if (ms < 2 * MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`
  if (ms < 2 * DAY_MS) return `${Math.round(ms / HOUR_MS)} h`
  return `${Math.round(ms / DAY_MS)} days`
}

/** How long ago it was, as people say it. */
export function ago(at: number, now: number): string {
  const ms = now - at
  return ms < 5 * SECOND_MS ? 'just now' : `${span(ms)} ago`
}

export const counted = (number: number, thing: string, things = `${thing}s`): string =>
  `${number.toLocaleString('en')} ${number === 1 ? thing : things}`

export const percent = (part: number, whole: number): number =>
  whole <= 0 ? 0 : Math.min(100, Math.round((part / whole) * 100))

/** The clock of today, and the date of any other day. */
export function moment(at: number, now: number): string {
  const date = new Date(at)
  const clock = date.toLocaleTimeString('en-GB')
  if (date.toDateString() === new Date(now).toDateString()) return clock
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
  return `${day}, ${clock.slice(0, 5)}`
}

/** The whole moment, for the title of a shorter one. */
export const fullMoment = (at: number): string => new Date(at).toLocaleString('en-GB')

export const shortKey = (key: string): string => key.slice(0, 8)
