/**
 * When a connection should go through a relay: only after the direct way has failed for a reason
 * that will not change, two NATs that both give random ports. Direct first, because with both ways
 * racing some connections open and carry nothing.
 */
const NO_DIRECT_WAY = new Set([
  'HOLEPUNCH_ABORTED',
  'CANNOT_HOLEPUNCH',
  'REMOTE_NOT_HOLEPUNCHABLE',
  'HOLEPUNCH_DOUBLE_RANDOMIZED_NATS'
])

export function needsRelay(error: unknown): boolean {
  return NO_DIRECT_WAY.has((error as { code?: string } | null | undefined)?.code ?? '')
}
