/**
 * The links of an audit chain: `hash = SHA-256(previous hash || canonical JSON of the event)`, with
 * canonical JSON as in RFC 8785. Whoever changes, removes or moves an event changes every hash
 * after it.
 *
 * A chain alone does not show that its end is missing, and whoever can write the table could
 * compute it anew. So its end is signed, with a key that the database does not have.
 */
import { createPrivateKey, createPublicKey, hash, hkdfSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import canonicalize from 'canonicalize'

export const GENESIS = '0'.repeat(64)

/** What is hashed. `details` is canonical JSON itself. */
interface AuditRecord {
  chain: string
  seq: number
  at_ms: number
  actor: string
  action: string
  target: string
  result: string
  request_id: string
  details: string
}

export interface LinkedRecord extends AuditRecord {
  hash: string
}

export interface Checkpoint {
  chain: string
  seq: number
  hash: string
  at_ms: number
  signature: string
}

export function linkHash(previous: string, record: AuditRecord): string {
  const { chain, seq, at_ms, actor, action, target, result, request_id, details } = record
  const event = { chain, seq, at_ms, actor, action, target, result, request_id, details }
  return hash('sha256', previous + canonicalize(event)!)
}

/** https://www.rfc-editor.org/rfc/rfc8410: the PKCS #8 form of an Ed25519 seed begins like that. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const PURPOSE = 'haif audit checkpoint v1'
const SEED_BYTES = 32

/** Signs and checks the ends of chains. Gateways with the same pepper have the same key. */
export class CheckpointKey {
  readonly #private: KeyObject
  readonly #public: KeyObject

  constructor(pepper: KeyObject) {
    const seed = Buffer.from(hkdfSync('sha256', pepper, '', PURPOSE, SEED_BYTES))
    const key = Buffer.concat([PKCS8_ED25519, seed])
    this.#private = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    this.#public = createPublicKey(this.#private)
  }

  sign(end: Omit<Checkpoint, 'signature'>): Checkpoint {
    const signature = sign(null, textOf(end), this.#private).toString('hex')
    return { ...end, signature }
  }

  isSigned(checkpoint: Checkpoint): boolean {
    return verify(null, textOf(checkpoint), this.#public, Buffer.from(checkpoint.signature, 'hex'))
  }
}

function textOf({ chain, seq, hash: end, at_ms }: Omit<Checkpoint, 'signature'>): Buffer {
  return Buffer.from(canonicalize({ chain, seq, hash: end, at_ms })!)
}

export interface AuditProblem {
  chain: string
  seq: number
  problem: string
}

/**
 * Reads one chain in order and remembers what does not fit. After a break it goes on from what is
 * there, so that each one is told in its place and not everything after it.
 */
export class ChainCheck {
  readonly problems: AuditProblem[] = []
  readonly #chain: string
  #seq = 0
  #hash = GENESIS

  constructor(chain: string) {
    this.#chain = chain
  }

  event(record: LinkedRecord): void {
    const missing = record.seq - this.#seq - 1
    if (missing === 1) this.#tell(record.seq - 1, 'is missing')
    else if (missing > 1) this.#tell(this.#seq + 1, `and ${missing - 1} more are missing`)
    // After a gap the hash before it is not known, so only the links that can be checked are.
    if (missing === 0 && linkHash(this.#hash, record) !== record.hash) {
      this.#tell(record.seq, 'was changed, moved or exchanged after it was written')
    }
    this.#seq = record.seq
    this.#hash = record.hash
  }

  /** Checkpoints from the database and from outside it; undefined where there is none. */
  end(checkpoints: readonly (Checkpoint | undefined)[], key: CheckpointKey): void {
    const known = checkpoints.filter((each) => each !== undefined)
    if (known.length === 0 && this.#seq > 0) this.#tell(this.#seq, 'has no signed checkpoint')
    for (const checkpoint of known) this.#compare(checkpoint, key)
  }

  #compare(checkpoint: Checkpoint, key: CheckpointKey): void {
    if (!key.isSigned(checkpoint)) {
      this.#tell(checkpoint.seq, 'has a checkpoint that was not signed with the key of this mesh')
    } else if (checkpoint.seq > this.#seq) {
      const lost = checkpoint.seq - this.#seq
      this.#tell(this.#seq + 1, `was signed, and the last ${lost} of the chain are missing`)
    } else if (checkpoint.seq === this.#seq && checkpoint.hash !== this.#hash) {
      this.#tell(checkpoint.seq, 'is not the one that was signed')
    }
  }

  #tell(seq: number, problem: string): void {
    const told = this.problems.some((each) => each.seq === seq && each.problem === problem)
    if (!told) this.problems.push({ chain: this.#chain, seq, problem })
  }
}
