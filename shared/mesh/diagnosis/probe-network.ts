/**
 * Finds out what this machine's network lets through, within 2 s and without any peer: the facts
 * from which `diagnose` makes a sentence.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import DHT from 'hyperdht'
import type { Address, MeshAddress } from '../discovery/mesh-address.ts'
import type { NetworkFacts } from './diagnose.ts'
import { ownAddress } from './own-address.ts'

/** A ping is sent this often, because a single packet may be lost. */
const PINGS = 3
/** Of one ping; dht-rpc waits that long for an answer. */
const PING_MS = 1000
/** The internet over TCP is asked only when UDP has been silent for this long. */
const PATIENCE_MS = 700
/** From then on, for whatever is asked: who waits for the reason has waited long enough. */
const ELSEWHERE_MS_MAX = 1200
/** Nodes asked of those that are known. */
const NODES_MAX = 3

/** Where TCP is tried: the machines of the DHT, and one that answers on port 443 everywhere. */
const TCP_TARGETS: readonly Address[] = [{ host: '1.1.1.1', port: 443 }]

interface Pong {
  ms: number
  /** Our address and port as the node saw them. */
  seenAs: Address
}

/** `publicNodes`: of the public DHT; only tests have others. */
export async function probeNetwork(
  { reach, bootstrap }: Pick<MeshAddress, 'reach' | 'bootstrap'>,
  publicNodes: readonly Address[] = PUBLIC_NODES
): Promise<NetworkFacts> {
  const own = bootstrap.length > 0
  const known = (own ? bootstrap : publicNodes).slice(0, NODES_MAX)
  const target = reach === 'public' ? undefined : known[0]?.host
  const [ipv4, ipv6] = await Promise.all([ownAddress('IPv4', target), ownAddress('IPv6')])
  const nodes = ipv4 === null ? [] : known // without a way there, nobody is waited for
  const dht = new DHT({ bootstrap: [], ephemeral: true })
  try {
    await dht.fullyBootstrapped()
    const pings = nodes.map((node) => ping(dht, node))
    const anAnswer = Promise.any(pings.map(answered)).catch(() => null)
    const soon = await Promise.race([anAnswer, sleep(PATIENCE_MS, null)])
    const elsewhere = soon === null && ipv4 !== null
    const late = sleep(ELSEWHERE_MS_MAX, null)
    const [pongs, otherUdp, tcp, host] = await Promise.all([
      Promise.all(pings.map((pong) => Promise.race([pong, late]))),
      elsewhere && own && reach === 'public' ? anyAnswers(dht, publicNodes, late) : false,
      elsewhere && reach === 'public' ? answersTcp([...nodes, ...publicNodes]) : null,
      elsewhere && own ? stateOf(nodes[0]!) : ('silent' as const)
    ])
    const seen = pongs.filter((pong) => pong !== null)
    const dhtMs = seen.length === 0 ? null : Math.min(...seen.map(({ ms }) => ms))
    return { ipv4, ipv6, dhtMs, otherUdp, tcp, host, nat: natOf(seen, ipv4) }
  } finally {
    await dht.destroy({ force: true })
  }
}

/** hyperdht names its nodes `address@name:port`, so that they are found without a name server. */
const PUBLIC_NODES: readonly Address[] = DHT.BOOTSTRAP.map((node) => {
  const [host, port] = node.split(/@.*:/)
  return { host: host!, port: Number(port) }
})

async function ping(dht: DHT, node: Address): Promise<Pong | null> {
  for (let tries = 0; tries < PINGS; tries++) {
    const sentAt = performance.now()
    try {
      const { to } = await dht.ping(node, { retry: false })
      return { ms: performance.now() - sentAt, seenAs: to }
    } catch {
      const leftMs = PING_MS - (performance.now() - sentAt)
      if (leftMs > 0) await sleep(leftMs) // no way there: the next ping would fail as soon
    }
  }
  return null
}

async function answered(pong: Promise<Pong | null>): Promise<Pong> {
  const answer = await pong
  if (answer === null) throw new Error('no answer')
  return answer
}

async function anyAnswers(
  dht: DHT,
  nodes: readonly Address[],
  late: Promise<null>
): Promise<boolean> {
  const pongs = nodes.slice(0, NODES_MAX).map((node) => answered(ping(dht, node)))
  const first = await Promise.race([Promise.any(pongs).catch(() => null), late])
  return first !== null
}

/** Whether any machine of the internet answers over TCP: a refusal is an answer, too. */
async function answersTcp(nodes: readonly Address[]): Promise<boolean> {
  const states = [...nodes, ...TCP_TARGETS].map(async (target) => {
    if (!(await isUp(target))) throw new Error('no answer')
  })
  return Promise.any(states).then(
    () => true,
    () => false
  )
}

/** Connects; opened and refused both prove that a machine is there. */
async function isUp({ host, port }: Address): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(ELSEWHERE_MS_MAX) })
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

/** A machine where nothing listens says so for UDP; one whose firewall drops UDP may answer TCP. */
async function stateOf(node: Address): Promise<NetworkFacts['host']> {
  const [closed, up] = await Promise.all([refusesUdp(node), isUp(node)])
  return closed ? 'closed' : up ? 'up' : 'silent'
}

async function refusesUdp({ host, port }: Address): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.connect(port, host)
    await once(socket, 'connect')
    socket.send('?') // one byte: a DHT node ignores it
    await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return false
  } catch (error) {
    return (error as { code?: string }).code === 'ECONNREFUSED'
  } finally {
    socket.close()
  }
}

/** One port for all nodes means that a hole can be punched; a port for each, only by guessing. */
function natOf(pongs: readonly Pong[], ipv4: string | null): NetworkFacts['nat'] {
  const [first, second] = pongs
  if (first === undefined) return 'unknown'
  if (first.seenAs.host === ipv4) return 'open'
  if (second === undefined) return 'unknown'
  return pongs.every(({ seenAs }) => seenAs.port === first.seenAs.port) ? 'consistent' : 'random'
}
