/** Trouble of connections, whatever is spoken over them: errno of sockets, codes of OpenSSL. */
import { codeOf, innermost, type Trouble } from './trouble.ts'

const AWAY: Trouble = {
  kind: 'away',
  what: 'cannot be reached',
  remedy: 'start it, or correct its address'
}
const UNKNOWN_NAME: Trouble = {
  kind: 'away',
  what: 'has a name that cannot be resolved',
  remedy: 'check the name in its address, and DNS on this machine'
}
const UNTRUSTED: Trouble = {
  kind: 'refuses us',
  what: 'shows a certificate that this machine does not trust',
  remedy: 'set NODE_EXTRA_CA_CERTS to the file of the authority that signed it'
}
const NO_TLS: Trouble = {
  kind: 'refuses us',
  what: 'does not speak TLS at this address',
  remedy: 'leave TLS out of its address, or turn TLS on there'
}

const BY_CODE: Record<string, Trouble> = {
  ECONNREFUSED: AWAY,
  ECONNRESET: AWAY,
  ECONNABORTED: AWAY,
  EPIPE: AWAY,
  ENOENT: AWAY, // of a Unix socket
  EHOSTUNREACH: AWAY,
  EHOSTDOWN: AWAY,
  ENETUNREACH: AWAY,
  ENETDOWN: AWAY,
  ETIMEDOUT: AWAY,
  EADDRNOTAVAIL: AWAY,
  ENOTFOUND: UNKNOWN_NAME,
  EAI_AGAIN: UNKNOWN_NAME,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: {
    kind: 'refuses us',
    what: 'shows a certificate that has expired',
    remedy: 'renew it there, or correct the clock of this machine'
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    kind: 'refuses us',
    what: 'shows a certificate for another name',
    remedy: 'use a name that the certificate has'
  },
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  EPROTO: NO_TLS
}

/** Null when the error is not about a connection. */
export function networkTrouble(error: unknown): Trouble | null {
  return BY_CODE[codeOf(innermost(error))] ?? null
}
