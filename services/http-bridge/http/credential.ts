/** Reads a client's credential. The bridge only passes it on: gateways decide about it. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Presented } from '#shared/rpc/context.ts'

const BEARER = /^bearer +([\x21-\x7e]{1,512})$/i
const TOKEN = /^[\x21-\x7e]{1,512}$/
/** Stands for text that cannot be a token, so that gateways refuse it as a wrong one. */
const UNREADABLE = '-'

/**
 * `X-HAIF-Token`, or else `Authorization: Bearer`, or else a header in which clients of other APIs
 * send it: `X-Api-Key` (Anthropic), `Api-Key` (Azure), `X-SPLAI-Token`. `fromBeyond`: see
 * `Presented`.
 */
export function presentedBy(headers: IncomingHttpHeaders, fromBeyond: boolean): Presented {
  const token = readToken(headers)
  const presented: Presented = {}
  if (token !== null) presented.token = token
  if (fromBeyond) presented.fromBeyond = true
  return presented
}

/** What may be a token is shown; whether it is one only a gateway knows. */
export function hasToken(headers: IncomingHttpHeaders): boolean {
  const token = readToken(headers)
  return token !== null && token !== UNREADABLE
}

function readToken(headers: IncomingHttpHeaders): string | null {
  const own = headers['x-haif-token']
  if (own !== undefined) return plainToken(own)
  if (headers.authorization !== undefined) {
    return BEARER.exec(headers.authorization)?.[1] ?? UNREADABLE
  }
  const key = headers['x-api-key'] ?? headers['api-key'] ?? headers['x-splai-token']
  return key === undefined || key === '' ? null : plainToken(key)
}

const plainToken = (value: string | string[]): string =>
  typeof value === 'string' && TOKEN.test(value) ? value : UNREADABLE
