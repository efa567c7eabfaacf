/** The IPv4 address under which other machines of the local network reach this one. */
import { networkInterfaces } from 'node:os'
import { HaifError } from '#shared/errors.ts'

export function localAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal && !address.startsWith('169.254.')) return address
    }
  }
  throw new HaifError(
    'CONFIG_INVALID',
    'this machine has no address on a local network, so --lan cannot be used; leave it out'
  )
}
