/** Python's `strftime` in the C locale, for the date that templates write into a prompt. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([a-zA-Z%])/g, (all, bare: string, letter: string) => {
    const text = FIELDS[letter]?.(date)
    if (text === undefined) return all
    return bare === '' ? text : text.replace(/^0+(?=\d)/, '')
  })
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  ['January', 'February', 'March', 'April', 'May', 'June'],
  ['July', 'August', 'September', 'October', 'November', 'December']
].flat()

const two = (number: number) => String(number).padStart(2, '0')
const dayOfYear = (date: Date): number =>
  Math.round(
    (new Date(date.getFullYear(), date.getMonth(), date.getDate(), 12).getTime() -
      new Date(date.getFullYear(), 0, 1, 12).getTime()) /
      86_400_000
  ) + 1
const hour12 = (date: Date) => date.getHours() % 12 || 12
const day = (date: Date) => `${two(date.getMonth() + 1)}/${two(date.getDate())}`
const time = (date: Date) =>
  `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
const short = (names: readonly string[], index: number) => (names[index] ?? '').slice(0, 3)

const FIELDS: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => short(DAYS, date.getDay()),
  A: (date) => DAYS[date.getDay()] ?? '',
  b: (date) => short(MONTHS, date.getMonth()),
  B: (date) => MONTHS[date.getMonth()] ?? '',
  c: (date) =>
    `${short(DAYS, date.getDay())} ${short(MONTHS, date.getMonth())} ` +
    `${String(date.getDate()).padStart(2)} ${time(date)} ${date.getFullYear()}`,
  d: (date) => two(date.getDate()),
  D: (date) => `${day(date)}/${two(date.getFullYear() % 100)}`,
  e: (date) => String(date.getDate()).padStart(2),
  F: (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
  f: (date) => `${String(date.getMilliseconds()).padStart(3, '0')}000`,
  H: (date) => two(date.getHours()),
  I: (date) => two(hour12(date)),
  j: (date) => String(dayOfYear(date)).padStart(3, '0'),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  R: (date) => `${two(date.getHours())}:${two(date.getMinutes())}`,
  S: (date) => two(date.getSeconds()),
  T: time,
  u: (date) => String(date.getDay() || 7),
  w: (date) => String(date.getDay()),
  x: (date) => `${day(date)}/${two(date.getFullYear() % 100)}`,
  X: time,
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  Z: () => '',
  z: () => '',
  '%': () => '%'
}
