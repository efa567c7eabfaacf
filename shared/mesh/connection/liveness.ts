/**
 * When a silent peer counts as lost. Both numbers are the same in the whole mesh: a timeout is only
 * right if the *other* side keeps the connection alive often enough.
 */
import type { NoiseSecretStream } from 'hyperdht'

/** An idle connection says something this often. */
export const KEEP_ALIVE_MS = 500
/** Nothing heard for this long: the peer is gone. Five missed keep-alives, and below 3 s. */
const SILENCE_MS_MAX = 2500

export function watchLiveness(stream: NoiseSecretStream): void {
  stream.setKeepAlive(KEEP_ALIVE_MS)
  stream.setTimeout(SILENCE_MS_MAX)
}
