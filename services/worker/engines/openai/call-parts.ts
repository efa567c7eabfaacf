/**
 * Reads tool calls as a server streams them. A call begins with its name; some servers leave out
 * the number of a call or its id.
 */
import { Type, type Static, type TSchema } from 'typebox'
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'

/** A field that some servers leave out and others set to null. */
export const orNull = <Schema extends TSchema>(schema: Schema) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

export const CallPart = Type.Object({
  index: orNull(Type.Integer({ minimum: 0 })),
  id: orNull(Type.String()),
  function: orNull(Type.Object({ name: orNull(Type.String()), arguments: orNull(Type.String()) }))
})
type CallPart = Static<typeof CallPart>

export class CallParts {
  readonly #serverName: string
  #count = 0

  constructor(serverName: string) {
    this.#serverName = serverName
  }

  /** The number of calls that have begun. */
  get count(): number {
    return this.#count
  }

  push(parts: readonly CallPart[], answerId: string): ToolCallDelta[] {
    return parts.map((part) => this.#delta(part, answerId))
  }

  #delta({ index, id, function: called }: CallPart, answerId: string): ToolCallDelta {
    const name = called?.name ?? ''
    const at = index ?? (name === '' ? this.#count - 1 : this.#count)
    const text = called?.arguments ?? ''
    if (at >= 0 && at < this.#count) return { index: at, arguments: text }
    if (at !== this.#count || name === '') {
      const message = `${this.#serverName} sent a part of a tool call that has not begun`
      throw new HaifError('ENGINE_FAILED', message)
    }
    this.#count++
    return { index: at, id: id || `call_${answerId}_${at}`, name, arguments: text }
  }
}
