/** Where a relay listens for TLS, as people write it: `host[:port]`, `[IPv6]:port`. */
import { HaifError } from '#shared/errors.ts'
import { TLS_PORT } from './protocol.ts'

export interface TlsAddress {
  /** A name or an address. */
  host: string
  port: number
}

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]{1,253}))(?::(\d{1,5}))?$/

function parseTlsAddress(text: string): TlsAddress {
  const [, ipv6, name, portText] = ADDRESS.exec(text.trim()) ?? []
  const host = ipv6 ?? name
  const port = portText === undefined ? TLS_PORT : Number(portText)
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port }
  throw new HaifError(
    'CONFIG_INVALID',
    `the relay ${text} cannot be used: it must be host[:port], as relay.example.org:443`
  )
}

/** As it is read. */
export const tlsAddressText = ({ host, port }: TlsAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Several of them, with commas between. */
export const parseTlsAddresses = (text: string): TlsAddress[] =>
  text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(parseTlsAddress)
