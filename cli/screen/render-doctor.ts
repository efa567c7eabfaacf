/** The text of `haif doctor`: what was looked at, one line each, and then what to do. */
import type { NetworkFacts } from '#shared/mesh/diagnosis/diagnose.ts'
import type { Reach } from '#shared/mesh/discovery/mesh-address.ts'
import { table, wrap, type Cell } from './table.ts'
import type { Screen } from './terminal.ts'

export interface Findings {
  reach: Reach
  /** True where the mesh has DHT nodes of its own. */
  ownNodes: boolean
  network: NetworkFacts
  /** The registry, or why there is none; `isWorking`: a running worker has this machine's key. */
  registry:
    | { rttMs: number; path: string; afterMs: number }
    | { problem: string }
    | { isWorking: true }
    | null
  /** How far this machine's clock is ahead of the registry's; null: not compared. */
  clockAheadMs: number | null
}

type Mark = 'ok' | 'note' | 'bad'

const MARKS: Record<Mark, Cell> = {
  ok: { text: 'ok', format: 'green' },
  note: { text: 'note', format: 'yellow' },
  bad: { text: 'bad', format: 'red' }
}

export function renderDoctor(findings: Findings, screen: Screen): string {
  const rows = [
    addresses(findings),
    dht(findings),
    nat(findings),
    registry(findings),
    clock(findings)
  ]
  const lines = table(
    rows
      .filter((row) => row !== null)
      .map(([mark, name, text]) => [MARKS[mark], { text: name }, { text }]),
    screen
  )
  return `${[...lines, '', ...wrap(verdict(findings), screen, '')].join('\n')}\n`
}

type Row = [Mark, name: string, text: string] | null

function addresses({ reach, network: { ipv4, ipv6 } }: Findings): Row {
  if (reach === 'local') return null
  const text = `IPv4 ${ipv4 ?? 'none'}, IPv6 ${ipv6 ?? 'none'} (connections use IPv4)`
  return [ipv4 === null ? 'bad' : 'ok', 'network', text]
}

function dht({ reach, ownNodes, network }: Findings): Row {
  const { dhtMs, tcp, otherUdp } = network
  const whose = reach === 'public' && !ownNodes ? 'the public DHT' : "the mesh's DHT"
  if (dhtMs !== null) return ['ok', 'DHT', `${whose} answers over UDP in ${milliseconds(dhtMs)}`]
  const others = otherUdp ? '; other UDP is answered' : tcp === true ? '; TCP is answered' : ''
  return ['bad', 'DHT', `${whose} does not answer${others}`]
}

const NATS: Record<NetworkFacts['nat'], [Mark, string] | null> = {
  open: ['ok', 'none: this machine has a public address'],
  consistent: ['ok', 'one port for all: direct connections open from both sides'],
  random: [
    'note',
    'a random port for each connection: direct to others that are not random, else through a relay'
  ],
  unknown: null
}

function nat({ reach, network }: Findings): Row {
  const known = reach === 'public' ? NATS[network.nat] : null
  return known === null ? null : [known[0], 'NAT', known[1]]
}

function registry({ registry: found }: Findings): Row {
  if (found === null) return ['note', 'mesh', 'this machine knows none yet']
  if ('problem' in found) return ['bad', 'mesh', 'no registry is connected']
  if ('isWorking' in found) return ['note', 'mesh', 'not tried: this machine runs as a worker']
  const { afterMs, path, rttMs } = found
  const text = `registry connected in ${milliseconds(afterMs)}: ${path}, round trip ${milliseconds(rttMs)}`
  return ['ok', 'mesh', text]
}

/** Certificates allow for as much; see `diagnose`. */
const CLOCK_OFF_MS_MAX = 120_000

function clock({ clockAheadMs }: Findings): Row {
  if (clockAheadMs === null) return null
  const side = clockAheadMs < 0 ? 'behind' : 'ahead of'
  const text = `${milliseconds(Math.abs(clockAheadMs))} ${side} the registry's`
  return [Math.abs(clockAheadMs) > CLOCK_OFF_MS_MAX ? 'bad' : 'ok', 'clock', text]
}

function verdict({ registry: found }: Findings): string {
  if (found === null) return 'Start a mesh with "haif up", or join one with "haif join".'
  if ('problem' in found) return found.problem
  return 'isWorking' in found
    ? 'What the worker prints says whether it is in the mesh. Stop it, and doctor can try instead.'
    : 'This machine reaches its mesh.'
}

function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 1 ? '<1 ms' : `${Math.round(ms)} ms`
}
