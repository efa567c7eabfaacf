/** What a failed dial says of the networks between two peers. */

/**
 * No hole can be punched between these two NATs, or not now: a relay would help. hyperdht gives
 * HOLEPUNCH_ABORTED for several reasons, of which all have to do with NATs of random ports.
 */
const OF_RANDOM_NATS = new Set([
  'HOLEPUNCH_ABORTED',
  'CANNOT_HOLEPUNCH',
  'HOLEPUNCH_DOUBLE_RANDOMIZED_NATS',
  'HOLEPUNCH_PROBE_TIMEOUT',
  'REMOTE_ABORTED',
  'REMOTE_NOT_HOLEPUNCHABLE',
  'REMOTE_NOT_HOLEPUNCHING'
])

export const codeOf = (error: unknown): string =>
  (error as { code?: string } | null | undefined)?.code ?? ''

/** A hole may be impossible, or has to wait: the peer itself is there. */
export const isOfRandomNats = (error: unknown): boolean => OF_RANDOM_NATS.has(codeOf(error))

/** The peer is not there, so no relay is to blame. */
export const isPeerGone = (error: unknown): boolean =>
  ['PEER_NOT_FOUND', 'PEER_CONNECTION_FAILED'].includes(codeOf(error))
