/**
 * Watches a search for the first peer of a role, and says why nobody is found: at once when the
 * mesh refuses, else within 5 s.
 */
import type { ListeningRole } from '#shared/contracts/peers/role.ts'
import type { MeshAddress } from '../discovery/mesh-address.ts'
import type { Mesh } from '../mesh.ts'
import { diagnose, type Diagnosis, type NetworkFacts } from './diagnose.ts'
import { probeNetwork } from './probe-network.ts'

/** A search that succeeds is over by then, so that most starts probe nothing. */
const PROBE_AFTER_MS = 400
const PROBE_AGAIN_MS = 15_000
const LOOK_MS = 200
/** A lookup may need this long to name a peer, so that only then nobody is there. */
const LOOKUP_PATIENCE_MS = 3000

interface SearchOptions {
  mesh: Pick<Mesh, 'contact'>
  role: ListeningRole
  address: Pick<MeshAddress, 'reach' | 'bootstrap'>
  /** Called with each new reason, as long as the search is on. */
  onDiagnosis: (diagnosis: Diagnosis) => void
  probe?: typeof probeNetwork
  now?: () => number
}

export class Search {
  readonly #options: SearchOptions
  readonly #now: () => number
  #network: NetworkFacts | null = null
  #timers: NodeJS.Timeout[] = []
  #probing = false
  #latest: Diagnosis | null = null
  #startedAt = 0

  constructor(options: SearchOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** The latest reason; null while nothing is known to be wrong. */
  get latest(): Diagnosis | null {
    return this.#latest
  }

  start(): void {
    if (this.#timers.length > 0) return
    this.#startedAt = this.#now()
    this.#latest = null
    const soon = setTimeout(() => void this.#probe(), PROBE_AFTER_MS)
    const again = setInterval(() => void this.#probe(), PROBE_AGAIN_MS)
    this.#timers = [soon, again, setInterval(() => this.#look(), LOOK_MS)]
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  async #probe(): Promise<void> {
    if (this.#probing) return
    const { address, probe = probeNetwork } = this.#options
    this.#probing = true
    try {
      this.#network = await probe(address)
    } finally {
      this.#probing = false
    }
    this.#look()
  }

  #look(): void {
    const { mesh, role, address, onDiagnosis } = this.#options
    if (this.#timers.length === 0) return
    const { reach, bootstrap } = address
    const contact = mesh.contact(role)
    const diagnosis = diagnose({ reach, bootstrap, role, network: this.#network, contact })
    if (diagnosis === null || diagnosis.reason === this.#latest?.reason) return
    const elapsedMs = this.#now() - this.#startedAt
    if (MAY_CHANGE.has(diagnosis.reason) && elapsedMs < LOOKUP_PATIENCE_MS) return
    this.#latest = diagnosis
    onDiagnosis(diagnosis)
  }
}

/** Reasons that a slow lookup, or one dial in vain, would only seem to prove. */
const MAY_CHANGE: ReadonlySet<string> = new Set([
  'meshOff',
  'notRunning',
  'nodesAway',
  'relaysSilent',
  'unreachable'
])
