import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  diagnose,
  type ContactFacts,
  type NetworkFacts,
  type ReachFacts,
  type Reason
} from '#shared/mesh/diagnosis/diagnose.ts'

const HOUR_MS = 3_600_000
const node = { host: '192.168.1.5', port: 49_737 }

const network: NetworkFacts = {
  ipv4: '192.168.1.7',
  ipv6: null,
  dhtMs: 20,
  otherUdp: false,
  tcp: null,
  host: 'silent',
  nat: 'consistent'
}
const silent: NetworkFacts = { ...network, dhtMs: null, tcp: true, nat: 'unknown' }
const nobody: ContactFacts = { found: 0, failures: [], relays: 0, clockAheadMs: null }
const failed = (code: string, message = 'no', relays = 0): ContactFacts => ({
  ...nobody,
  found: 1,
  failures: [{ code, message }],
  relays
})

function reasonFor(
  facts: { network?: NetworkFacts | null; contact?: ContactFacts } & Partial<ReachFacts>
) {
  return diagnose({
    reach: 'public',
    bootstrap: [],
    role: 'registry',
    network,
    contact: nobody,
    ...facts
  })
}

const lan = { reach: 'lan', bootstrap: [node] } as const
const own = { bootstrap: [{ host: '5.5.5.1', port: 1 }] }
const punch = 'HOLEPUNCH_ABORTED'

const CASES: [string, Reason, RegExp, Parameters<typeof reasonFor>[0]][] = [
  ['UDP is blocked', 'udpBlocked', /allow outgoing UDP/, { network: silent }],
  ['IPv6 only', 'noIpv4', /IPv4/, { network: { ...silent, ipv4: null, ipv6: '2001:db8::1' } }],
  ['no network', 'noInternet', /connect it/, { network: { ...silent, ipv4: null } }],
  ['nothing answers', 'noInternet', /log in where/, { network: { ...silent, tcp: false } }],
  ['the mesh is off', 'meshOff', /haif up --public/, {}],
  [
    'both networks are random',
    'bothRandom',
    /haif relay/,
    { contact: failed('HOLEPUNCH_DOUBLE_RANDOMIZED_NATS') }
  ],
  [
    'this one is random',
    'bothRandom',
    /haif relay/,
    { network: { ...network, nat: 'random' }, contact: failed(punch) }
  ],
  ['relays are silent', 'relaysSilent', /haif relay/, { contact: failed(punch, 'no', 2) }],
  [
    'a dial fails otherwise',
    'unreachable',
    /PEER_LOST: gone/,
    { contact: failed('PEER_LOST', 'gone') }
  ],
  ['another mesh', 'refused', /wrong secret/, { contact: failed('WRONG_MESH', 'wrong secret') }],
  [
    'the clock is wrong',
    'clock',
    /2 hours behind/,
    { contact: { ...failed('WRONG_MESH'), clockAheadMs: -2 * HOUR_MS } }
  ],
  [
    'own nodes are away',
    'nodesAway',
    /5\.5\.5\.1:1/,
    { ...own, network: { ...silent, otherUdp: true } }
  ],
  [
    'own node is off',
    'nodesAway',
    /start them/,
    { ...own, network: { ...silent, host: 'closed' } }
  ],
  ['UDP to own nodes', 'udpBlocked', /UDP/, { ...own, network: { ...silent, host: 'up' } }],
  [
    'a firewall on the LAN',
    'lanFirewall',
    /ufw allow 49737:49744\/udp/,
    { ...lan, network: { ...silent, host: 'up' } }
  ],
  [
    'no mesh on the LAN',
    'meshOff',
    /haif up --lan/,
    { ...lan, network: { ...silent, host: 'closed' } }
  ],
  [
    'nobody on the LAN',
    'lanAway',
    /192\.168\.1\.5 does not answer from 192\.168\.1\.7/,
    { ...lan, network: silent }
  ],
  [
    'no way to the LAN',
    'noInternet',
    /no way to 192\.168\.1\.5/,
    { ...lan, network: { ...silent, ipv4: null } }
  ],
  [
    'the mesh is off, and its peers are remembered',
    'meshOff',
    /start "haif up --lan" there/,
    { ...lan, network: { ...silent, host: 'closed' }, contact: failed('PEER_LOST') }
  ],
  ['nothing runs here', 'notRunning', /haif up/, { reach: 'local', network: silent }]
]

describe('why the mesh is not reached', () => {
  for (const [name, reason, remedy, facts] of CASES) {
    test(name, () => {
      const diagnosis = reasonFor(facts)
      assert.equal(diagnosis?.reason, reason)
      assert.match(diagnosis.sentence, remedy)
    })
  }

  test('each reason has its own sentence', () => {
    const byReason = new Map(
      CASES.map(([, reason, , facts]) => [reason, reasonFor(facts)?.sentence])
    )
    assert.equal(new Set(byReason.values()).size, byReason.size)
  })

  test('nothing is said while it is being found out', () => {
    assert.equal(reasonFor({ network: null }), null)
    assert.equal(reasonFor({ contact: { ...nobody, found: 1 } }), null)
  })

  test('a refusal is known before the network is', () => {
    const diagnosis = reasonFor({ network: null, contact: failed('WRONG_MESH', 'wrong secret') })
    assert.equal(diagnosis?.reason, 'refused')
  })
})
