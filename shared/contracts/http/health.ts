/** What the bridge says about itself. */
import { Type, type Static } from 'typebox'

export const HealthReply = Type.Object(
  { status: Type.Literal('ok'), version: Type.String() },
  {
    description: 'The bridge is running. Says nothing about the mesh: for that there is /readyz.',
    examples: [{ status: 'ok', version: '0.1.0' }]
  }
)
export type HealthReply = Static<typeof HealthReply>

/** What does not work although requests are answered; absent when all is well. */
const Warnings = Type.Optional(Type.Array(Type.String()))

export const ReadyReply = Type.Object(
  { status: Type.Literal('ready'), warnings: Warnings },
  {
    description:
      'A request would be answered now. `warnings` says what does not work all the same, as a ' +
      'database that takes no writes, and what to do.',
    examples: [{ status: 'ready' }]
  }
)
export type ReadyReply = Static<typeof ReadyReply>

export const NotReadyReply = Type.Object(
  { status: Type.Literal('not_ready'), reason: Type.String(), warnings: Warnings },
  {
    description: 'A request would not be answered now, and why.',
    examples: [{ status: 'not_ready', reason: 'no gateway can be reached' }]
  }
)
export type NotReadyReply = Static<typeof NotReadyReply>
