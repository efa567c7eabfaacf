/**
 * Preloaded by the services of a chaos run: SIGUSR2 sets the clock of this process alone, by the
 * milliseconds in the file that CHAOS_CLOCK names. HAIF knows the time from `Date` alone.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'

const file = process.env['CHAOS_CLOCK']
const { now } = Date
let offsetMs = 0

if (file !== undefined) {
  Date.now = () => now() + offsetMs
  globalThis.Date = new Proxy(Date, {
    construct: (target, given: [], newTarget: typeof Date) =>
      Reflect.construct(target, given.length > 0 ? given : [Date.now()], newTarget) as Date
  })
  process.on('SIGUSR2', () => {
    offsetMs = Number(readFileSync(file, 'utf8'))
  })
}
