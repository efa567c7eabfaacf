/**
 * Ranges of numbers as patterns of their decimal digits: JSON Schema compares values, a grammar
 * only has texts. Bounded numbers are written without exponents.
 */

export interface NumberBounds {
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

interface Limit {
  value: Decimal
  exclusive: boolean
}

/** A decimal number of zero or more: the digits before the point, and after it. */
interface Decimal {
  whole: bigint
  fraction: string
}

interface Signed extends Decimal {
  negative: boolean
}

/** Digits of an unbounded number; so a 64-bit integer fits, and no answer runs on in digits. */
const WHOLE_DIGITS_MAX = 19
const DOUBLE_DIGITS = 15

/** A pattern of the integers within the bounds; null when there are none. */
export function integerPattern(bounds: NumberBounds): string | null {
  const [low, high] = [integerLow(bounds), integerHigh(bounds)]
  const negative = span(
    high === null || high < -1n ? -(high ?? -1n) : 1n,
    low === null ? null : -low
  )
  const positive = span(low === null || low < 0n ? 0n : low, high)
  return either(negative === null || (low !== null && low >= 0n) ? [] : [`-${negative}`], positive)
}

/** A pattern of the numbers within the bounds; null when there are none. */
export function numberPattern(bounds: NumberBounds, fractionDigits?: number): string | null {
  const low = limitOf(bounds.minimum, bounds.exclusiveMinimum, (a, b) => a > b)
  const high = limitOf(bounds.maximum, bounds.exclusiveMaximum, (a, b) => a < b)
  const digits = fractionDigits ?? digitsBeside(low, high)
  const zero: Limit = { value: { whole: 0n, fraction: '' }, exclusive: false }
  const above = low === null || low.negative ? zero : low
  const positive = high?.negative === true ? null : decimals(above, high, digits)
  const below = high?.negative === true ? high : { ...zero, exclusive: true }
  const negative = low?.negative === false ? null : decimals(below, low, digits)
  return either(negative === null ? [] : [`-${negative}`], positive)
}

/**
 * A number near its bound must not be the bound once it is read: a double has some 15 digits. All
 * digits of the bounds themselves can be written.
 */
function digitsBeside(...limits: (Limit | null)[]): number {
  const given = limits.flatMap((limit) => (limit === null ? [] : [limit.value]))
  const whole = Math.max(0, ...given.map((value) => String(value.whole).length))
  const fraction = Math.max(1, ...given.map((value) => value.fraction.length))
  return Math.max(fraction, DOUBLE_DIGITS - whole)
}

function either(first: readonly string[], second: string | null): string | null {
  const parts = second === null ? first : [...first, second]
  return parts.length === 0 ? null : `(?:${parts.join('|')})`
}

function integerLow({ minimum, exclusiveMinimum }: NumberBounds): bigint | null {
  const low = [
    ...(minimum === undefined ? [] : [BigInt(Math.ceil(minimum))]),
    ...(exclusiveMinimum === undefined ? [] : [BigInt(Math.floor(exclusiveMinimum)) + 1n])
  ]
  return low.length === 0 ? null : low.reduce((a, b) => (a > b ? a : b))
}

function integerHigh({ maximum, exclusiveMaximum }: NumberBounds): bigint | null {
  const high = [
    ...(maximum === undefined ? [] : [BigInt(Math.floor(maximum))]),
    ...(exclusiveMaximum === undefined ? [] : [BigInt(Math.ceil(exclusiveMaximum)) - 1n])
  ]
  return high.length === 0 ? null : high.reduce((a, b) => (a < b ? a : b))
}

/** The whole numbers from `low`, which is not negative, to `high`. */
function span(low: bigint, high: bigint | null): string | null {
  if (high === null) return span(low, lastWith(Math.max(WHOLE_DIGITS_MAX, String(low).length + 1)))
  if (low > high) return null
  const parts: string[] = []
  if (low === 0n) parts.push('0')
  let from = low === 0n ? 1n : low
  while (from <= high) {
    const digits = String(from).length
    // All numbers of several lengths need one part only.
    const isWhole = from === firstWith(digits)
    const longest = isWhole ? wholeLengths(digits, high) : digits
    if (isWhole && longest >= digits && lastWith(digits) <= high) {
      parts.push(`[1-9]${anyDigits(digits - 1, longest - 1)}`)
      from = firstWith(longest + 1)
      continue
    }
    const to = lastWith(digits) < high ? lastWith(digits) : high
    parts.push(sameLength(String(from), String(to)))
    from = to + 1n
  }
  return parts.length === 0 ? null : `(?:${parts.join('|')})`
}

function wholeLengths(digits: number, high: bigint): number {
  let longest = digits
  while (lastWith(longest + 1) <= high) longest++
  return longest
}

const firstWith = (digits: number): bigint => 10n ** BigInt(digits - 1)
const lastWith = (digits: number): bigint => 10n ** BigInt(digits) - 1n

/** Digit texts of one length that are in order between two of them. */
function sameLength(low: string, high: string): string {
  if (low === '') return ''
  if (/^0*$/.test(low) && /^9*$/.test(high)) return anyDigits(low.length, low.length)
  const [first, last] = [Number(low[0]), Number(high[0])]
  const [lowRest, highRest] = [low.slice(1), high.slice(1)]
  if (first === last) return `${first}${sameLength(lowRest, highRest)}`
  const from = /^0*$/.test(lowRest) ? first : first + 1
  const to = /^9*$/.test(highRest) ? last : last - 1
  const parts = [
    ...(from === first ? [] : [`${first}${sameLength(lowRest, '9'.repeat(lowRest.length))}`]),
    ...(from <= to ? [`[${from}-${to}]${anyDigits(lowRest.length, lowRest.length)}`] : []),
    ...(to === last ? [] : [`${last}${sameLength('0'.repeat(highRest.length), highRest)}`])
  ]
  return `(?:${parts.join('|')})`
}

/** Decimals from `low`, which is not negative, to `high`. */
function decimals(low: Limit, high: Limit | null, digits: number): string | null {
  const tail = digits === 0 ? '' : `(?:\\.[0-9]{1,${digits}})?`
  const [{ whole, fraction }, top] = [low.value, high?.value ?? null]
  if (top !== null && top.whole < whole) return null
  if (top !== null && high !== null && top.whole === whole) {
    const both = fractionBetween(
      {
        low: { fraction, exclusive: low.exclusive },
        high: { fraction: top.fraction, exclusive: high.exclusive }
      },
      digits
    )
    return both === null ? null : `${whole}${both}`
  }
  const parts: string[] = []
  const first = fractionBetween({ low: { fraction, exclusive: low.exclusive }, high: null }, digits)
  if (first !== null) parts.push(`${whole}${first}`)
  const between = span(whole + 1n, top === null ? null : top.whole - 1n)
  if (between !== null) parts.push(`${between}${tail}`)
  if (top !== null && high !== null) {
    const last = fractionBetween(
      {
        low: { fraction: '', exclusive: false },
        high: { fraction: top.fraction, exclusive: high.exclusive }
      },
      digits
    )
    if (last !== null) parts.push(`${top.whole}${last}`)
  }
  return parts.length === 0 ? null : `(?:${parts.join('|')})`
}

interface FractionLimit {
  fraction: string
  exclusive: boolean
}

interface FractionLimits {
  low: FractionLimit
  high: FractionLimit | null
}

/** What may follow a whole number, its point included; null when nothing can. */
function fractionBetween({ low, high }: FractionLimits, digits: number): string | null {
  if (low.fraction.length > digits) low = roundedUp(low, digits)
  const bare = fits('', { low, high }) ? [''] : []
  const written = digits === 0 ? null : fractionFrom('', { low, high }, digits)
  const parts = [...bare, ...(written === null ? [] : [`\\.${written}`])]
  return parts.length === 0 ? null : parts.length === 1 ? parts[0]! : `(?:${parts.join('|')})`
}

/** A lower bound with more digits than are written lies between two that are. */
const roundedUp = ({ fraction }: FractionLimit, digits: number): FractionLimit => {
  return { fraction: fraction.slice(0, digits), exclusive: true }
}

/** One digit or more after `written`, with which the fraction is within its limits. */
function fractionFrom(written: string, given: FractionLimits, digits: number): string | null {
  const left = digits - written.length
  if (left <= 0) return null
  const isBelow =
    given.high !== null && compare(written + '9'.repeat(left), given.high.fraction) < 0
  const limits = isBelow ? { low: given.low, high: null } : given
  // Where a limit ends, zeros are equal to it, however many there are.
  if (equals(written, limits.high)) return fits(written, limits) ? `0{1,${left}}` : null
  const isAbove = limits.high === null && limits.low.exclusive && equals(written, limits.low)
  if (isAbove) return `0{0,${left - 1}}${ABOVE_ZERO}`
  const byTail = new Map<string, number[]>()
  for (let digit = 0; digit <= 9; digit++) {
    const tail = tailAfter(`${written}${digit}`, limits, digits)
    if (tail !== null) byTail.set(tail, [...(byTail.get(tail) ?? []), digit])
  }
  const parts = Array.from(byTail, ([tail, all]) => `[${all.join('')}]${tail}`)
  return parts.length === 0 ? null : `(?:${parts.join('|')})`
}

const ABOVE_ZERO = '[1-9][0-9]{0,5}'

function tailAfter(written: string, limits: FractionLimits, digits: number): string | null {
  const left = digits - written.length
  const [least, most] = [fits(written, limits), fits(written + '9'.repeat(left), limits)]
  if (least && most) return anyDigits(0, left)
  const more = mayFit(written, limits) ? fractionFrom(written, limits, digits) : null
  if (least) return more === null ? '' : `(?:${more})?`
  return more
}

const equals = (written: string, limit: FractionLimit | null): boolean =>
  limit !== null && compare(written, limit.fraction) === 0

function fits(fraction: string, { low, high }: FractionLimits): boolean {
  const [fromLow, fromHigh] = [
    compare(fraction, low.fraction),
    compare(fraction, high?.fraction ?? '')
  ]
  if (low.exclusive ? fromLow <= 0 : fromLow < 0) return false
  return high === null || (high.exclusive ? fromHigh < 0 : fromHigh <= 0)
}

/** True while further digits can still decide. */
function mayFit(written: string, { low, high }: FractionLimits): boolean {
  const bounds = [low.fraction, ...(high === null ? [] : [high.fraction])]
  return bounds.some((bound) => bound.padEnd(written.length, '0').startsWith(written))
}

/** As the fractions that they are: digits that are not there are zeros. */
function compare(a: string, b: string): number {
  const length = Math.max(a.length, b.length)
  const [x, y] = [a.padEnd(length, '0'), b.padEnd(length, '0')]
  return x < y ? -1 : x > y ? 1 : 0
}

function limitOf(
  inclusive: number | undefined,
  exclusive: number | undefined,
  isTighter: (a: number, b: number) => boolean
): (Limit & { negative: boolean }) | null {
  const isExclusive =
    exclusive !== undefined && (inclusive === undefined || !isTighter(inclusive, exclusive))
  const value = isExclusive ? exclusive : inclusive
  if (value === undefined) return null
  const { negative, ...decimal } = decimalOf(value)
  return { value: decimal, exclusive: isExclusive, negative }
}

function decimalOf(value: number): Signed {
  const [, sign, digits = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? []
  const shift = Number(exponent)
  const all = digits + fraction
  const point = digits.length + shift
  const padded = point < 0 ? '0'.repeat(-point) + all : all.padEnd(point, '0')
  const at = Math.max(0, point)
  return {
    negative: sign === '-',
    whole: BigInt(padded.slice(0, at) || '0'),
    fraction: padded.slice(at).replace(/0+$/, '')
  }
}

function anyDigits(min: number, max: number): string {
  if (max === 0) return ''
  return min === max ? (min === 1 ? '[0-9]' : `[0-9]{${min}}`) : `[0-9]{${min},${max}}`
}
