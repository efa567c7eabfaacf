/** What the way to a worker costs beyond its round trip, as time to the first token. */
import type { LinkState } from '#shared/contracts/peers/links.ts'

export interface Way {
  readonly rttMs: number
  /** Absent, as the loss: a way that costs nothing more. */
  readonly path?: LinkState['path']
  readonly lossPercent?: number
}

/** A packet that was lost is sent again about a second later, or after two round trips. */
const RESEND_MS_LEAST = 1000
const RESEND_ROUND_TRIPS = 2
/** Of the packets that carry a request and its first token; a prompt takes several. */
const PACKETS = 4
/**
 * A relay's round trip is measured with the rest; this is for whoever runs it: a worker that is
 * reached directly comes first where there is no other difference.
 */
const RELAY_MS = 20

export function wayMsOf({ rttMs, path, lossPercent = 0 }: Way): number {
  const resendMs = Math.max(RESEND_MS_LEAST, rttMs * RESEND_ROUND_TRIPS)
  const lossMs = (lossPercent / 100) * PACKETS * resendMs
  return lossMs + (path === 'relayed' ? RELAY_MS : 0)
}
