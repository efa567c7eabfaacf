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

export const ReadyReply = Type.Object(
  { status: Type.Literal('ready') },
  { description: 'A request would be answered now.', examples: [{ status: 'ready' }] }
)
export type ReadyReply = Static<typeof ReadyReply>

export const NotReadyReply = Type.Object(
  { status: Type.Literal('not_ready'), reason: Type.String() },
  {
    description: 'A request would not be answered now, and why.',
    examples: [{ status: 'not_ready', reason: 'no gateway can be reached' }]
  }
)
export type NotReadyReply = Static<typeof NotReadyReply>
