/**
 * The networks of the laboratory, as shell commands: an internet, and sites behind their routers.
 *
 * Addresses are 5.5.5.0/24, since hyperdht takes those meant for documentation for unroutable.
 */

/**
 * cone: keeps ports, and only answers pass (most home routers); random: a random port for each
 * destination (many mobile and company networks); noudp: a cone that passes UDP to port 53 only;
 * off: a router whose line is down; open: a public address and no NAT; v6: a public IPv6 address
 * and no IPv4. With two of them, the second is the NAT of the provider.
 */
export type SiteKind =
  | 'cone'
  | 'random'
  | 'noudp'
  | 'off'
  | 'open'
  | 'v6'
  | 'cone+cone'
  | 'cone+random'

export interface Site {
  name: string
  /** From 1, in the order of the sites. */
  number: number
  kind: SiteKind
}

export const INTERNET = 'inet'
export const DHT_HOSTS = [11, 12, 13, 14, 15].map((n) => `5.5.5.${n}`)

const machineOf = ({ name }: Site) => `${name}-1`
/** The namespace whose `wan` is the site's public side. */
const edgeOf = ({ name, kind }: Site) =>
  kind === 'open' || kind === 'v6' ? `${name}-1` : kind.includes('+') ? `${name}-isp` : `${name}-r`

/** Until it is readdressed. */
export const publicAddress = ({ number }: Site): string => `5.5.5.${100 + number}`

export function internet(): string {
  const hosts = DHT_HOSTS.map((host) => `ip -n ${INTERNET} addr add ${host}/32 dev br0`)
  return `
${namespace(INTERNET)}
# A bridge of no fixed address changes it with its ports, and neighbours ask for it in vain.
ip -n ${INTERNET} link add br0 address 02:00:00:00:00:01 type bridge
ip -n ${INTERNET} link set br0 up
ip -n ${INTERNET} addr add 5.5.5.1/24 dev br0
${hosts.join('\n')}
${inside(INTERNET, 'sysctl -qw net.ipv4.ip_forward=1')}`
}

export function site(it: Site): string {
  const { name, number, kind } = it
  const address = `${publicAddress(it)}/24`
  if (kind === 'open') return namespace(machineOf(it)) + plug(machineOf(it), 'eth0', address)
  if (kind === 'v6') return namespace(machineOf(it)) + plug(machineOf(it), 'eth0', null)
  const router = `${name}-r`
  const outer = kind.includes('+')
    ? `${namespace(edgeOf(it))}
${plug(edgeOf(it), 'wan', address)}
${routing(edgeOf(it), kind.split('+')[1]!)}
${lan(edgeOf(it), `100.64.${number}.1/24`)}
${namespace(router)}
${attach(router, 'wan', edgeOf(it), `100.64.${number}.2/24`, `100.64.${number}.1`)}`
    : `${namespace(router)}
${plug(router, 'wan', address)}`
  return `${outer}
${routing(router, kind.split('+')[0]!)}
${lan(router, `192.168.${number}.1/24`)}
${namespace(machineOf(it))}
${attach(machineOf(it), 'eth0', router, `192.168.${number}.11/24`, `192.168.${number}.1`)}`
}

/** The router has another public address, and has forgotten all mappings. */
export function readdress(it: Site, host: number): string {
  const edge = edgeOf(it)
  return `
ip -n ${edge} link set wan down
ip -n ${edge} addr flush dev wan
ip -n ${edge} link set wan up
ip -n ${edge} addr add 5.5.5.${host}/24 dev wan
ip -n ${edge} route add default via 5.5.5.1`
}

/** The machine gets another address from its router. */
export const renumber = (it: Site, host: number): string => `
ip -n ${machineOf(it)} addr flush dev eth0
ip -n ${machineOf(it)} addr add 192.168.${it.number}.${host}/24 dev eth0
ip -n ${machineOf(it)} route add default via 192.168.${it.number}.1`

/** From now on the router lets UDP through, too. */
export const letUdpThrough = (it: Site): string => `
${inside(edgeOf(it), 'nft flush chain ip filter forward')}
${inside(edgeOf(it), 'nft -f -')} << 'RULES'
table ip filter {
  chain forward {
${FORWARD}
  }
}
RULES
`

/** The machine of one site goes to the network of another. */
export function move(machine: Site, to: Site): string {
  const { number } = to
  const address = `192.168.${number}.${100 + machine.number}/24`
  return `
ip -n ${machineOf(machine)} link del eth0
${attach(machineOf(machine), 'eth0', `${to.name}-r`, address, `192.168.${number}.1`)}`
}

export const lineEnds = (it: Site): [near: string, far: string] => [
  `n-${edgeOf(it)}`,
  `f-${edgeOf(it)}`
]

/** Puts a line between the site and the internet; its ends are there already. */
export function throughLine(it: Site): string {
  const [near, far] = lineEnds(it)
  const port = `p-${edgeOf(it)}`
  const bridge = `b-${edgeOf(it)}`
  return `
ip -n ${INTERNET} link add ${bridge} type bridge
ip -n ${INTERNET} link set ${bridge} up
ip -n ${INTERNET} link set ${port} master ${bridge}
ip -n ${INTERNET} link set ${far} master ${bridge} up
ip -n ${INTERNET} link set ${near} master br0 up`
}

/** Runs a command in a namespace; by its name, because `ip netns exec` would mount /sys anew. */
const inside = (ns: string, command: string) => `nsenter --net=/run/netns/${ns} ${command}`

const namespace = (ns: string) => `ip netns add ${ns}\nip -n ${ns} link set lo up\n`

/** A device on the bridge of the internet; without an address one of IPv6. */
function plug(ns: string, device: string, address: string | null): string {
  const cable = `
ip -n ${INTERNET} link add p-${ns} type veth peer name ${device} netns ${ns}
ip -n ${INTERNET} link set p-${ns} master br0 up
ip -n ${ns} link set ${device} up`
  return address === null
    ? `${cable}\nip -n ${ns} addr add 2001:db9::11/64 dev ${device} nodad\nip -n ${ns} route add default via 2001:db9::1`
    : `${cable}
ip -n ${ns} addr add ${address} dev ${device}
ip -n ${ns} route add default via 5.5.5.1`
}

const lan = (ns: string, address: string) => `
ip -n ${ns} link add lan address 02:00:00:00:00:02 type bridge
ip -n ${ns} link set lan up
ip -n ${ns} addr add ${address} dev lan`

function attach(
  ns: string,
  device: string,
  router: string,
  address: string,
  gateway: string
): string {
  return `
ip -n ${router} link add q-${ns} type veth peer name ${device} netns ${ns}
ip -n ${router} link set q-${ns} master lan up
ip -n ${ns} link set ${device} up
ip -n ${ns} addr add ${address} dev ${device}
ip -n ${ns} route add default via ${gateway}`
}

const FORWARD = `    iifname != "wan" accept
    ct state established,related accept
    drop`

const BLOCKED: Partial<Record<string, string>> = {
  noudp: 'meta l4proto udp udp dport != 53 udp sport != 53 drop',
  off: 'drop'
}

/**
 * Masquerades what leaves by `wan` and lets in answers only. Without the drop on input the router's
 * own port-unreachable would end the mapping that a punch needs.
 */
function routing(ns: string, kind: string): string {
  const how = kind === 'random' ? ' fully-random' : ''
  const blocked = BLOCKED[kind] ?? ''
  return `${inside(ns, 'sysctl -qw net.ipv4.ip_forward=1')}
${inside(ns, 'nft -f -')} << 'RULES'
table ip nat {
  chain out {
    type nat hook postrouting priority 100
    oifname "wan" masquerade${how}
  }
}
table ip filter {
  chain input {
    type filter hook input priority 0
    iifname != "wan" accept
    ct state established,related accept
    drop
  }
  chain forward {
    type filter hook forward priority 0
    ${blocked}
${FORWARD}
  }
}
RULES
`
}
