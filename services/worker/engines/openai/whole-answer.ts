/**
 * The answer of a server that was asked for a stream and sent one JSON object: proxies and small
 * servers do so. It is turned into the events that it would have been.
 */
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'

const Whole = Compile(
  Type.Object({
    id: Type.Optional(Type.Unknown()),
    choices: Type.Array(
      Type.Object({
        text: Type.Optional(Type.Unknown()),
        message: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        finish_reason: Type.Optional(Type.Unknown())
      }),
      { minItems: 1 }
    ),
    usage: Type.Optional(Type.Unknown())
  })
)

/** One event of a stream carries no more. */
const PIECE_CHARACTERS = 16_384

/** Null where the text is no answer; whoever reads it as events will say so. */
export function eventsOfWhole(text: string): string | null {
  const whole = parse(text)
  if (!Whole.Check(whole)) return null
  const { id, usage, choices } = whole
  const { text: plain, message = {}, finish_reason: reason } = choices[0]!
  const { content, reasoning_content: thought, reasoning, tool_calls: calls } = message
  const objects = [
    ...pieces(thought ?? reasoning).map((piece) => ({ delta: { reasoning_content: piece } })),
    ...pieces(content).map((piece) => ({ delta: { content: piece } })),
    ...pieces(plain).map((piece) => ({ text: piece })),
    ...(Array.isArray(calls) ? calls : []).map((call: object, index) => ({
      delta: { tool_calls: [{ index, ...call }] }
    }))
  ]
  const last = { id, choices: [{ finish_reason: reason }], usage }
  const events = [...objects.map((choice) => ({ id, choices: [choice] })), last]
  return `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`
}

function pieces(text: unknown): string[] {
  const characters = typeof text === 'string' ? Array.from(text) : [] // no pair is cut in two
  const count = Math.ceil(characters.length / PIECE_CHARACTERS)
  return Array.from({ length: count }, (_, i) =>
    characters.slice(i * PIECE_CHARACTERS, (i + 1) * PIECE_CHARACTERS).join('')
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
