/** An error as it crosses the wire: code, message and details, never a stack. */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError, isErrorCode, toHaifError, type ErrorOptions } from '#shared/errors.ts'

export const WireError = Type.Object({
  code: Type.String({ maxLength: 64 }),
  message: Type.String({ maxLength: 4096 }),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  retryAfterMs: Type.Optional(Type.Number({ minimum: 0 }))
})
export type WireError = Static<typeof WireError>

const wireError = Compile(WireError)
const MESSAGE_CHARACTERS_MAX = 2048
const DETAILS_CHARACTERS_MAX = 16_384

/** Never throws and always returns JSON, because it runs when something else has failed already. */
export function toWireError(error: unknown): WireError {
  const { code, message, details, retryAfterMs } = toHaifError(error)
  const wire: WireError = { code, message: message.slice(0, MESSAGE_CHARACTERS_MAX) }
  if (details !== undefined && fitsTheWire(details)) wire.details = details
  if (retryAfterMs !== undefined && retryAfterMs >= 0 && retryAfterMs < Infinity) {
    wire.retryAfterMs = retryAfterMs
  }
  return wire
}

/** True for an error that nobody foresaw, which belongs in the log. */
export function isUnexpected(error: unknown): boolean {
  return !(error instanceof HaifError) && toHaifError(error).code === 'INTERNAL'
}

/** A code that this version does not know comes from a newer peer, and is kept as its message. */
export function fromWireError(value: unknown): HaifError {
  if (!wireError.Check(value)) return new HaifError('INTERNAL', 'the peer sent a malformed error')
  const { code, message, details, retryAfterMs } = value
  if (!isErrorCode(code)) return new HaifError('INTERNAL', `${code}: ${message}`)
  const options: ErrorOptions = {}
  if (details !== undefined) options.details = details
  if (retryAfterMs !== undefined) options.retryAfterMs = retryAfterMs
  return new HaifError(code, message, options)
}

function fitsTheWire(details: Record<string, unknown>): boolean {
  try {
    return JSON.stringify(details).length <= DETAILS_CHARACTERS_MAX
  } catch {
    return false // cyclic, a BigInt: the code and the sentence are worth more than the details
  }
}
