/**
 * Why the mesh is not reached, as one sentence and its remedy. A pure decision: the facts were
 * gathered before, so that each sentence can be tested without the network that deserves it.
 */
import { ERRORS } from '#shared/errors.ts'
import type { Address, Reach } from '../discovery/mesh-address.ts'

/** What probes have found out about this machine's network. */
export interface NetworkFacts {
  /** Own address on the way to the internet, or to the machine of `bootstrap`; null: no way. */
  ipv4: string | null
  ipv6: string | null
  /** Round trip to the first DHT node of the mesh that answered; null: none did. */
  dhtMs: number | null
  /** Whether a node of the public DHT answered: asked when the mesh's own nodes do not. */
  otherUdp: boolean
  /** Whether anything answered over TCP; null: not tried, because UDP worked. */
  tcp: boolean | null
  /** The machine of the first own DHT node: `closed` means it said that nothing listens there. */
  host: 'up' | 'closed' | 'silent'
  /** How this machine's NAT maps ports; `open`: there is none. */
  nat: 'open' | 'consistent' | 'random' | 'unknown'
}

/** A dial that failed, as the dialler told it. */
export interface DialFailure {
  /** Of HAIF, or of the transport. */
  code: string
  message: string
  /** How far this machine's clock is ahead of the peer's, which has refused it for its time. */
  clockAheadMs?: number
}

/** What the search for peers of one role has come to. */
export interface ContactFacts {
  /** Peers of the role that the DHT named. */
  found: number
  /** The latest failure of each peer that cannot be reached. */
  failures: readonly DialFailure[]
  /** Relays of the mesh that are announced. */
  relays: number
  /** How far this machine's clock is ahead of the mesh's; null: nobody has told. */
  clockAheadMs: number | null
}

export interface ReachFacts {
  reach: Reach
  /** DHT nodes of the mesh's own; empty: those of the public DHT. */
  bootstrap: readonly Address[]
  /** The role that is looked for. */
  role: string
  /** Null: not probed yet. */
  network: NetworkFacts | null
  contact: ContactFacts
}

export type Reason =
  | 'refused'
  | 'clock'
  | 'bothRandom'
  | 'relaysSilent'
  | 'unreachable'
  | 'meshOff'
  | 'noInternet'
  | 'noIpv4'
  | 'udpBlocked'
  | 'nodesAway'
  | 'lanFirewall'
  | 'lanAway'
  | 'notRunning'

export interface Diagnosis {
  reason: Reason
  /** The reason and what to do, for a person. */
  sentence: string
  /** True: waiting a little longer changes nothing. */
  isFinal: boolean
}

/** A clock that is wrong by more makes certificates look expired, or not yet valid. */
const CLOCK_OFF_MS_MAX = 120_000

/** Null while nothing is known to be wrong, as in the middle of a dial. */
export function diagnose(facts: ReachFacts): Diagnosis | null {
  const { contact, network, reach } = facts
  const refusal = contact.failures.find(({ code }) => isRefusal(code))
  const clock = clockSentence(contact.clockAheadMs)
  if (refusal !== undefined || clock !== null) {
    return clock === null
      ? final('refused', `the mesh refuses this machine: ${refusal!.message}`)
      : final('clock', clock)
  }
  // Peers that are only remembered say less than the machine of the mesh itself.
  const isOff = reach === 'lan' && network?.dhtMs === null && network.host === 'closed'
  if (isOff) return lanAway(network, facts.bootstrap)
  if (contact.found > 0) return contact.failures.length === 0 ? null : notDialled(facts)
  if (network === null) return null
  if (network.dhtMs !== null || reach === 'local') return meshOff(facts)
  return reach === 'lan' ? lanAway(network, facts.bootstrap) : noDht(network, facts.bootstrap)
}

/** A peer has answered, and said no. Everything else may pass by itself. */
export function isRefusal(code: string): boolean {
  return Object.hasOwn(ERRORS, code) && !PASSING.has(code)
}

const PASSING: ReadonlySet<string> = new Set([
  'PEER_LOST',
  'NO_PEER',
  'NO_DIRECT_WAY',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'SHUTTING_DOWN',
  'INTERNAL'
])

function clockSentence(aheadMs: number | null): string | null {
  if (aheadMs === null || Math.abs(aheadMs) <= CLOCK_OFF_MS_MAX) return null
  const minutes = Math.round(Math.abs(aheadMs) / 60_000)
  const off = minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`
  const side = aheadMs > 0 ? 'ahead of' : 'behind'
  return `the clock of this machine is ${off} ${side} that of the mesh: set it (on Linux "timedatectl set-ntp true"), or certificates look expired or not yet valid`
}

/** The peer was found and cannot be connected to. */
function notDialled({ contact, network, role }: ReachFacts): Diagnosis {
  const { failures, relays } = contact
  const isRandom = failures.every(({ code }) => PUNCH_FAILED.has(code))
  if (isRandom && relays > 0) {
    return passing(
      'relaysSilent',
      `the ${role} was found, but both networks give random ports and ${relays === 1 ? 'the relay of this mesh does' : `the ${relays} relays of this mesh do`} not answer: look after "haif relay" on its machine`
    )
  }
  const bothRandom = failures.some(({ code }) => DOUBLE_RANDOM.has(code))
  if (isRandom && (bothRandom || network?.nat === 'random')) {
    return final(
      'bothRandom',
      `the ${role} was found, but this network and its network both give every connection a random port, so that no direct way can be opened: run "haif relay" on a machine with a public address, and both meet there`
    )
  }
  const { code, message } = failures[0]!
  return passing(
    'unreachable',
    `the ${role} was found and cannot be reached (${code}: ${message}): its machine may be asleep or just restarted, or a firewall between the two drops UDP`
  )
}

/** hyperdht's ways to say that a hole cannot be punched. */
const DOUBLE_RANDOM: ReadonlySet<string> = new Set([
  'NO_DIRECT_WAY',
  'HOLEPUNCH_DOUBLE_RANDOMIZED_NATS'
])
const PUNCH_FAILED: ReadonlySet<string> = new Set([
  ...DOUBLE_RANDOM,
  'HOLEPUNCH_ABORTED',
  'CANNOT_HOLEPUNCH',
  'REMOTE_ABORTED',
  'REMOTE_NOT_HOLEPUNCHABLE',
  'REMOTE_NOT_HOLEPUNCHING',
  'HOLEPUNCH_PROBE_TIMEOUT'
])

function meshOff({ reach, role, bootstrap }: ReachFacts): Diagnosis {
  if (reach === 'local') {
    return final('notRunning', 'no mesh runs on this machine: start one with "haif up"')
  }
  const who = reach === 'public' && bootstrap.length === 0 ? 'the public DHT' : "the mesh's DHT"
  const how = reach === 'lan' ? '"haif up --lan"' : '"haif up --public"'
  return final(
    'meshOff',
    `${who} answers, but no ${role} of this mesh is announced there: the mesh is off; start ${how} on the machine that the invite comes from`
  )
}

function noDht(network: NetworkFacts, bootstrap: readonly Address[]): Diagnosis {
  const { ipv4, ipv6, otherUdp, tcp, host } = network
  if (ipv4 === null && ipv6 === null) {
    return final(
      'noInternet',
      'this machine has no network: connect it, and the mesh is reached by itself'
    )
  }
  if (ipv4 === null) {
    return final(
      'noIpv4',
      'this machine has IPv6 only, and the DHT speaks IPv4: switch IPv4 on in this network (or NAT64 with CLAT), or give a relay over TLS: "haif join … --relay host" (on a machine that has both: "haif relay --tls")'
    )
  }
  const [first] = bootstrap
  if (first !== undefined && (otherUdp || host === 'closed')) {
    return final('nodesAway', `${nodesAway(bootstrap)}, while the internet answers: start them`)
  }
  if (otherUdp) return passing('nodesAway', 'the DHT has not answered yet')
  return tcp === true
    ? final(
        'udpBlocked',
        'this network lets no UDP through (TCP works): allow outgoing UDP in its firewall, use another network, or give a relay over TLS: "haif join … --relay host" (on a public machine: "haif relay --tls")'
      )
    : final(
        'noInternet',
        `nothing on the internet answers from ${ipv4}, neither over UDP nor over TCP: check this machine's connection, or log in where the network asks for it`
      )
}

const nodesAway = (nodes: readonly Address[]): string =>
  `the DHT ${nodes.length === 1 ? 'node' : 'nodes'} of this mesh (${nodes.map(({ host, port }) => `${host}:${port}`).join(', ')}) ${nodes.length === 1 ? 'does' : 'do'} not answer`

/** The ports of the DHT nodes that `haif up --lan` runs, and of the peers beside them. */
const LAN_PORTS = 8

function lanAway(network: NetworkFacts, bootstrap: readonly Address[]): Diagnosis {
  const { host: machine = 'the machine of the mesh', port = 0 } = bootstrap[0] ?? {}
  if (network.ipv4 === null) {
    return final(
      'noInternet',
      `this machine has no way to ${machine}: connect it to the network that the mesh is in`
    )
  }
  switch (network.host) {
    case 'closed':
      return final(
        'meshOff',
        `${machine} is there, but no mesh listens on its UDP port ${port}: start "haif up --lan" there`
      )
    case 'up':
      return final(
        'lanFirewall',
        `${machine} is there, but its firewall drops UDP port ${port}: let UDP ${port}-${port + LAN_PORTS - 1} in there (on Linux "sudo ufw allow ${port}:${port + LAN_PORTS - 1}/udp"; on Windows and macOS allow Node.js in the firewall)`
      )
    case 'silent':
      return final(
        'lanAway',
        `${machine} does not answer from ${network.ipv4}: is it on, and in the same network? Its address may have changed: "haif up --lan" prints the line to join with`
      )
  }
}

const final = (reason: Reason, sentence: string): Diagnosis => ({ reason, sentence, isFinal: true })
const passing = (reason: Reason, sentence: string): Diagnosis => ({
  reason,
  sentence,
  isFinal: false
})
