/**
 * The requests that an engine runs at once. The others wait here, where they can be withdrawn before
 * the engine has heard of them.
 */
import { Slots } from '#shared/kit/slots.ts'
import { overloaded } from './errors.ts'

const WAITING_MAX = 256

/** `kvTokens`: what all that run may hold in the KV memory, where the engine has such a bound. */
export function requestSlots(count: number, kvTokens = Infinity): Slots {
  return new Slots({
    count,
    weightMax: kvTokens,
    waitingMax: WAITING_MAX,
    full: () => overloaded(count, WAITING_MAX)
  })
}
