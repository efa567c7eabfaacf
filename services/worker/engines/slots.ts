/**
 * The slots of an engine. Requests beyond them wait here, where they can be withdrawn before the
 * engine knows of them.
 */
import { Slots } from '#shared/kit/slots.ts'
import { overloaded } from './errors.ts'

const WAITING_MAX = 256

/** `kvTokens` bounds the KV memory of all running requests, where the engine has such a bound. */
export function requestSlots(count: number, kvTokens = Infinity): Slots {
  return new Slots({
    count,
    weightMax: kvTokens,
    waitingMax: WAITING_MAX,
    full: () => overloaded(count, WAITING_MAX)
  })
}
