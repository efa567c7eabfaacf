/** How long a client waits before it tries again. */

const FIRST_MS = 500
const OWN_MS_MAX = 8000
/** No `Retry-After` of HAIF is longer. */
const ASKED_MS_MAX = 60_000

/** Reads `Retry-After`, which is seconds or a date. Null where it is neither. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null || header.trim() === '') return null
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}

/** What the server wants, within a minute, and otherwise twice as long each time. */
export function waitMs(tries: number, wanted: number | null): number {
  if (wanted !== null) return Math.min(wanted, ASKED_MS_MAX)
  return Math.min(OWN_MS_MAX, FIRST_MS * 2 ** tries)
}
