/** The IPv4 address under which other machines of the local network reach this one. */
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { HaifError } from '#shared/errors.ts'
import { ownAddress } from '#shared/mesh/diagnosis/own-address.ts'

/**
 * `given`: the value of `--lan`. Otherwise the address of the default route, because a machine has
 * bridges of Docker and of virtual machines, too, on which nobody else is.
 */
export async function localAddress(given: string | null): Promise<string> {
  if (given !== null) {
    if (isIPv4(given)) return given
    throw new HaifError(
      'CONFIG_INVALID',
      `--lan ${given} cannot be used: it must be the IPv4 address of this machine in the network, as 192.168.1.5`
    )
  }
  const address = (await ownAddress('IPv4')) ?? ofAnyNetwork()
  if (address !== null) return address
  throw new HaifError(
    'CONFIG_INVALID',
    'this machine has no address on a local network, so --lan cannot be used; leave it out'
  )
}

/** Bridges and tunnels that machines make for themselves. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|tun|tap|wg|utun)/

/** A network without a router has no default route. */
function ofAnyNetwork(): string | null {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => ({ address, isVirtual: VIRTUAL.test(name) }))
  )
  const usable = all.filter(({ address }) => !address.startsWith('169.254.'))
  return (usable.find(({ isVirtual }) => !isVirtual) ?? usable[0])?.address ?? null
}
