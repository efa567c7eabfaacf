/**
 * A machine that has an invite finds a registry of the mesh, redeems the invite there, and waits
 * for a person to approve it where that is asked for. It keeps trying while no registry answers;
 * asking again burns nothing, because the registry knows the key by then.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyPair } from 'hyperdht'
import { redeem, type Redeem, type Welcome } from '#shared/contracts/peers/members.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError, toHaifError, type ErrorCode } from '#shared/errors.ts'
import { backoffMs } from '#shared/kit/backoff.ts'
import { visit } from '#shared/mesh/connection/guest.ts'
import { codeOf } from '#shared/mesh/connection/dial-failure.ts'
import { searchAlsoOverTls } from '#shared/mesh/connection/tls/search-over-tls.ts'
import type { TlsRelays } from '#shared/mesh/connection/tls/tls-relays.ts'
import { isRefusal, type ContactFacts, type DialFailure } from '#shared/mesh/diagnosis/diagnose.ts'
import { Search } from '#shared/mesh/diagnosis/search.ts'
import { DIAL_MS_MAX } from '#shared/mesh/discovery/dht.ts'
import { lookup } from '#shared/mesh/discovery/lookup.ts'
import { hostRelayTopicOf, hostTopicOf } from '#shared/mesh/discovery/topics.ts'
import { verifyCertificate } from '#shared/mesh/membership/certificate.ts'
import { decodeCredentials, type Credentials } from '#shared/mesh/membership/credentials.ts'
import { inviteHelloId, type Invite } from '#shared/mesh/membership/invite.ts'
import { signed } from '#shared/mesh/membership/signature.ts'
import type { MeshNode } from '#shared/mesh/node.ts'
import { openNode } from '#shared/mesh/open-mesh.ts'
import type { Logger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'

/** Registries that are visited in one round. */
const HOSTS_MAX = 16
const AGAIN_BACKOFF = { firstMs: 250, maxMs: 5000 }
/** As long as a timer can run; a person may take days. */
const WAIT_MS_MAX = 2 ** 31 - 1

export interface OwnedKey {
  role: PeerRole
  keyPair: KeyPair
}

interface RedeemOptions {
  invite: Invite
  /** The first is the key of the connection; all get a certificate. */
  keys: readonly [OwnedKey, ...OwnedKey[]]
  /** The name of this machine, for where the invite gives none. */
  host: string
  /** A person has to approve this machine, which is called so. */
  onWaiting: (name: string) => void
  /** No registry answers, for this reason. */
  onAway: (reason: string) => void
  /** Relays that listen for TLS, for a network without UDP; it learns those of the invite. */
  tlsRelays: TlsRelays
  localSockets: boolean
  signal: AbortSignal
  log: Logger
}

interface Round extends RedeemOptions {
  node: MeshNode
  /** What the search has come to, for whoever explains it. */
  facts: ContactFacts
}

export interface Admission {
  /** The registry that let it in. */
  host: Buffer
  /** What the machine is called in the mesh. */
  name: string
  /** In the order of the keys. */
  credentials: Credentials[]
  /** The signed list of revoked peers; null while there is none. */
  revocations: Buffer | null
}

/** Throws what the mesh has against this machine, and when the signal is aborted. */
export async function redeemInvite(options: RedeemOptions): Promise<Admission> {
  const { invite, onAway, signal, tlsRelays } = options
  for (const address of invite.tlsRelays) tlsRelays.learn(address)
  const node = openNode(invite, tlsRelays)
  for (const relay of invite.relays) node.relays.add(relay.toString('hex'), unknownRtt)
  const facts: ContactFacts = { found: 0, failures: [], relays: 0, clockAheadMs: null }
  const search = new Search({
    mesh: { contact: () => facts },
    role: 'registry',
    address: invite,
    onDiagnosis: ({ sentence }) => onAway(sentence)
  })
  const round: Round = {
    ...options,
    node,
    facts,
    onWaiting(name) {
      search.stop() // a registry is there: nothing is wrong while a person takes their time
      options.onWaiting(name)
    }
  }
  try {
    for (let tries = 1; ; tries++) {
      search.start()
      const failure = await tryOnce(round)
      if (!(failure instanceof HaifError)) return failure
      if (isFinal(failure)) throw failure.code === 'WRONG_MESH' ? ofAnotherMesh(failure) : failure
      await sleep(backoffMs(AGAIN_BACKOFF, tries, Math.random()), undefined, { signal })
    }
  } finally {
    search.stop()
    await node.dht.destroy({ force: true })
  }
}

/** Visits one registry after the other. Returns the failure that says most when all have failed. */
async function tryOnce(round: Round): Promise<Admission | HaifError> {
  const { facts, node, signal } = round
  void findRelays(round)
  const failures: DialFailure[] = []
  let failure = new HaifError('NO_PEER', 'no registry of the mesh answers')
  for await (const host of hostsOf(round)) {
    signal.throwIfAborted()
    try {
      return await redeemAt(host, round)
    } catch (error) {
      signal.throwIfAborted()
      const given = toHaifError(error)
      const code = codeOf(error) || given.code
      // The invite names registries, too, and so does not prove that they are there.
      if (!MISSING.has(code)) failures.push({ code, message: given.message })
      Object.assign(facts, { failures, found: failures.length, relays: node.relays.size })
      if (isFinal(given) && !isOfThisHost(given)) return given
      if (failure.code === 'NO_PEER' || isFinal(given)) failure = given
    }
  }
  return failure
}

const MISSING: ReadonlySet<string> = new Set(['PEER_NOT_FOUND', 'PEER_LOST'])

/** The registries that the invite names, then those that the DHT names. */
async function* hostsOf(round: Round): AsyncGenerator<Buffer, void, void> {
  const { node, invite } = round
  const seen = new Set(invite.issuers.map((key) => key.toString('hex')))
  yield* invite.issuers
  const found: Buffer[] = []
  await searchAlsoOverTls(node, hostTopicOf(invite.meshKey), (key) => {
    const name = key.toString('hex')
    if (seen.has(name) || found.length >= HOSTS_MAX) return
    seen.add(name)
    found.push(key)
  })
  yield* found
}

/** Relays for the way to a registry; a dial that needs one waits for the first of them. */
async function findRelays({ node, invite }: Round): Promise<void> {
  if (invite.reach !== 'public') return
  await lookup(node.dht, hostRelayTopicOf(invite.meshKey), (key) =>
    node.relays.add(key.toString('hex'), unknownRtt)
  )
}

const unknownRtt = (): number => 0

async function redeemAt(host: Buffer, round: Round): Promise<Admission> {
  const { node, invite, keys, localSockets, signal, log } = round
  const link = await visit({
    node,
    host,
    localSockets,
    dialMsMax: DIAL_MS_MAX[invite.reach],
    keyPair: keys[0].keyPair,
    mesh: invite.meshKey,
    inviteId: inviteHelloId(invite.secret),
    hostRole: 'registry',
    now: Date.now,
    log
  })
  try {
    signal.throwIfAborted()
    return { host, ...admissionOf(await welcomed(link, round), round) }
  } finally {
    link.close('the visit is over')
  }
}

async function welcomed(link: PeerLink, options: RedeemOptions): Promise<Welcome> {
  const { onWaiting, signal } = options
  using context = createContext({ timeoutMs: WAIT_MS_MAX })
  const onAbort = () => context.abort(signal.reason as Error)
  signal.addEventListener('abort', onAbort)
  try {
    const stream = link.stream(redeem, requestOf(options), context)
    for (;;) {
      const next = await stream.next()
      if (next.done === true) return next.value
      onWaiting(next.value.name)
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function requestOf({ invite, keys, host }: RedeemOptions): Redeem {
  const connectionKey = keys[0].keyPair.publicKey
  const shown = keys.map(({ role, keyPair }, i) => {
    const key = keyPair.publicKey.toString('hex')
    return i === 0
      ? { key, role }
      : { key, role, proof: signed('key', connectionKey, keyPair).toString('hex') }
  })
  return { secret: invite.secret.toString('hex'), keys: shown, host }
}

/** Throws unless the mesh that the invite names has certified each key for its role. */
function admissionOf(welcome: Welcome, { invite, keys }: RedeemOptions): Omit<Admission, 'host'> {
  const { name, revocations } = welcome
  const given = new Map(welcome.credentials.map(({ key, credentials }) => [key, credentials]))
  const credentials = keys.map(({ role, keyPair }) => {
    const text = given.get(keyPair.publicKey.toString('hex')) ?? ''
    const own = decodeCredentials(Buffer.from(text, 'base64'))
    verifyCertificate(own.certificate, invite.meshKey, Date.now())
    const { peer, roles } = own.certificate
    if (peer.equals(keyPair.publicKey) && roles.includes(role)) return own
    throw new HaifError('WRONG_MESH', 'the registry has certified another key than was shown')
  })
  const list = revocations === undefined ? null : Buffer.from(revocations, 'base64')
  return { name, credentials, revocations: list }
}

/** Each registry that was found belongs to another mesh, as when theirs was made anew. */
function ofAnotherMesh(cause: HaifError): HaifError {
  return new HaifError(
    'WRONG_MESH',
    'this topic key is of another mesh than the one that answers there. To join, ask for a new ' +
      'one: "haif invite" prints it where the mesh runs',
    { cause }
  )
}

/** Waiting changes nothing. */
const isFinal = ({ code }: HaifError): boolean => isRefusal(code) && !PASSES.has(code)

const PASSES: ReadonlySet<ErrorCode> = new Set(['STORE_UNAVAILABLE', 'STREAM_LIMIT'])

/** Another registry may know better. */
const isOfThisHost = ({ code }: HaifError): boolean => OF_ONE_HOST.has(code)

const OF_ONE_HOST: ReadonlySet<ErrorCode> = new Set(['INVITE_UNKNOWN', 'WRONG_MESH'])
