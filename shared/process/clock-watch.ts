/**
 * Says that the clock of this machine has jumped. Certificates, permits and budgets go by it, so
 * whatever is refused afterwards has its cause here.
 */
import type { Logger } from './log.ts'

const LOOK_MS = 1000
/** Within one look; NTP moves a clock by far less. */
const JUMP_MS_MIN = 2000

interface Clocks {
  /** Milliseconds since 1970. */
  date: () => number
  /** Never jumps, and stands still while the machine sleeps. */
  now: () => number
}

const SYSTEM: Clocks = { date: () => Date.now(), now: () => performance.now() }

export function watchClock(log: Logger, { date, now }: Clocks = SYSTEM): Disposable {
  let offset = date() - now()
  const timer = setInterval(() => {
    const byMs = date() - now() - offset
    offset += byMs
    if (Math.abs(byMs) < JUMP_MS_MIN) return
    const by = `${byMs > 0 ? 'forward' : 'back'} by ${Math.round(Math.abs(byMs) / 1000)} s`
    log.warn({ byMs }, `the clock of this machine went ${by}: it was set, or the machine slept`)
  }, LOOK_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
