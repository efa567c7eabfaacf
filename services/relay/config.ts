/** Settings of a relay. */
import { hostname } from 'node:os'
import { makeSelfSigned } from '#shared/mesh/connection/tls/self-signed.ts'
import type { TlsPlace } from '#shared/mesh/connection/tls/tls-entrance.ts'
import { readInteger, type Environment } from '#shared/process/config.ts'

/** Off: no relay over TLS. */
const OFF = 0

/** `HAIF_RELAY_TLS_PORT`: where it listens for members whose network blocks UDP; 0: nowhere. */
export function readTlsPlace(env: Environment, given?: number): TlsPlace | null {
  const asked = readInteger(env, 'HAIF_RELAY_TLS_PORT', { default: OFF, min: 0, max: 65_535 })
  const port = given ?? asked
  // Members know the relay by its key, inside; the certificate only makes it look like the web.
  return port === OFF ? null : { port, certificate: makeSelfSigned(hostname()) }
}
