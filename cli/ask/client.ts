/**
 * The command line as a peer of the mesh: it dials gateways and registries, and announces nothing.
 */
import { once } from 'node:events'
import { readSecret, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { takeSeat, usesLocalSockets } from '#shared/main/place.ts'
import { addressOf, ownSeat, type Seat } from '#shared/main/seat.ts'
import { silentLogger } from '#shared/process/log.ts'
import type { Diagnosis } from '#shared/mesh/diagnosis/diagnose.ts'
import { Search } from '#shared/mesh/diagnosis/search.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { MeshAddress, Reach } from '#shared/mesh/discovery/mesh-address.ts'
import type { Presented } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'

/** How long to look for a first peer: longer than a probe takes to say what is wrong. */
const CONNECT_MS: Record<Reach, number> = { local: 7000, lan: 7000, public: 20_000 }

interface ClientOptions {
  /** Whom it talks to. */
  role: 'gateway' | 'registry' | 'orchestrator'
  /** What this machine comes as. */
  as?: 'client' | 'worker'
  /** The value of `--topic-key`. */
  topicKey: string | undefined
  env: Environment
  signal: AbortSignal
}

export interface Client extends AsyncDisposable {
  /** Own public key in hex. */
  key: string
  reach: Reach
  peers: PeerPool
  /** Open connections to peers of the role. */
  links: () => PeerLink[]
}

/** Resolves when a peer of the role is connected; NO_PEER when there is none within seconds. */
export async function openClient(options: ClientOptions): Promise<Client> {
  const { role, env, signal, as = 'client' } = options
  const home = new Home(env)
  const seat = await clientSeat(home, options)
  const { address } = seat
  const credential = role === 'gateway' ? credentialOf(home, address, env) : NONE
  const neighbours = (sought: string) => home.keysOf(sought)
  const beside = { neighbours, tlsRelays: home.tlsRelays }
  const mesh = openMesh({ ...seat, ...beside, role: as, log: silentLogger() })
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), CONNECT_MS[address.reach])
  const search = new Search({
    mesh,
    role,
    address,
    onDiagnosis: ({ isFinal }) => isFinal && timeout.abort()
  })
  search.start()
  try {
    await connect(mesh, role, credential.only, AbortSignal.any([signal, timeout.signal]))
  } catch (error) {
    await mesh.stop()
    signal.throwIfAborted()
    throw timeout.signal.aborted ? notReached(role, address, search.latest) : error
  } finally {
    clearTimeout(timer)
    search.stop()
  }
  return {
    key: mesh.key,
    reach: address.reach,
    peers: new PeerPool(mesh, role, credential),
    links: () => mesh.links(role),
    [Symbol.asyncDispose]: () => mesh.stop()
  }
}

/** A machine that runs the mesh certifies each of its commands; any other has to be invited. */
async function clientSeat(home: Home, options: ClientOptions): Promise<Seat> {
  const { topicKey, env, signal, as = 'client' } = options
  const self = { home, role: as, log: silentLogger() } as const
  const invite = home.invite(topicKey, env)
  const address = invite === null ? home.mesh.address : addressOf(invite)
  if (address !== null && home.authorityOf(address.mesh) !== null) {
    return ownSeat({ ...self, address }, temporaryIdentity())
  }
  return takeSeat(
    { ...self, invite, isNew: false },
    {
      localSockets: usesLocalSockets(env),
      signal,
      onWaiting(name) {
        throw new HaifError(
          'APPROVAL_PENDING',
          `this machine waits to be approved as "${name}": run "haif approve ${name}" where the mesh runs, then try again`
        )
      },
      onAway(reason) {
        throw new HaifError('NO_PEER', `the mesh cannot be reached: ${reason}`)
      }
    }
  )
}

interface Credential {
  shows: Presented | undefined
  /** Keys of the only peers that may see it. */
  only: ReadonlySet<string> | null
}

const NONE: Credential = { shows: undefined, only: null }

/**
 * `HAIF_TOKEN`, or the operator key that a gateway of this mesh has left here. Any member of the
 * mesh can claim to be a gateway, so that key goes only to the gateways of this machine.
 */
function credentialOf(home: Home, { mesh }: MeshAddress, env: Environment): Credential {
  const token = readSecret(env, 'HAIF_TOKEN') ?? undefined
  if (token !== undefined) return { shows: { token }, only: null }
  const key = home.operatorKey(mesh)
  return key === null ? NONE : { shows: { token: key }, only: home.keysOf('gateway') }
}

async function connect(
  mesh: Mesh,
  role: ClientOptions['role'],
  only: ReadonlySet<string> | null,
  signal: AbortSignal
) {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  signal.throwIfAborted()
  await Promise.race([mesh.start(), aborted])
  mesh.follow(role)
  while (!mesh.links(role).some(({ peer }) => only?.has(peer.key) ?? true)) {
    await once(mesh, 'link', { signal })
  }
}

function notReached(role: string, { reach }: MeshAddress, reason: Diagnosis | null): HaifError {
  const why = reason?.sentence ?? `no ${role} answers within ${CONNECT_MS[reach] / 1000} s`
  return new HaifError('NO_PEER', `the mesh cannot be reached: ${why}`)
}
