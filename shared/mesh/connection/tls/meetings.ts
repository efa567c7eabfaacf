/**
 * Two ends of a pipe meet at a relay: one has come and waits, the other is called by a token. Then
 * bytes pass from each to the other, at the pace of the slower one.
 */
import { randomBytes } from 'node:crypto'
import { Transform, type Duplex } from 'node:stream'

/** Time for the peer that is called. */
const WAIT_MS_MAX = 5000
const WAITING_MAX = 256
/** Pipes of one client address, and of one peer that is called. */
const PIPES_OF_CLIENT_MAX = 64
const PIPES_OF_PEER_MAX = 1024

interface Waiting {
  end: Duplex
  timer: NodeJS.Timeout
}

export class Meetings {
  readonly #waiting = new Map<string, Waiting>() // by token; at most WAITING_MAX
  readonly #pipes = new Map<string, number>() // by client and by peer; only those that have some
  readonly #onBytes: (bytes: number) => void

  constructor(onBytes: (bytes: number) => void) {
    this.#onBytes = onBytes
  }

  /** Pipes that are open or wait. */
  get size(): number {
    let ends = 0
    for (const pipes of this.#pipes.values()) ends += pipes
    return ends / 2
  }

  hasRoom(client: string, peer: string): boolean {
    const ofClient = this.#pipes.get(`client ${client}`) ?? 0
    const ofPeer = this.#pipes.get(`peer ${peer}`) ?? 0
    const hasPipes = ofClient < PIPES_OF_CLIENT_MAX && ofPeer < PIPES_OF_PEER_MAX
    return hasPipes && this.#waiting.size < WAITING_MAX
  }

  /** Returns the token by which the other end is found. */
  wait(end: Duplex, client: string, peer: string): string {
    const token = randomBytes(32).toString('hex')
    const timer = setTimeout(() => end.destroy(), WAIT_MS_MAX)
    this.#waiting.set(token, { end, timer })
    for (const name of [`client ${client}`, `peer ${peer}`]) this.#count(name, end)
    end.on('error', () => {}) // its close says it all
    end.once('close', () => {
      clearTimeout(timer)
      this.#waiting.delete(token)
    })
    return token
  }

  /** Joins the end that waits for this token; false when none does. */
  join(token: string, end: Duplex): boolean {
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return false
    this.#waiting.delete(token)
    clearTimeout(waiting.timer)
    end.on('error', () => {})
    for (const [from, to] of [
      [waiting.end, end],
      [end, waiting.end]
    ] as const) {
      from.once('close', () => to.destroy())
      from.pipe(this.#counter()).pipe(to)
    }
    return true
  }

  close(): void {
    for (const { end } of this.#waiting.values()) end.destroy()
  }

  #count(name: string, end: Duplex): void {
    this.#pipes.set(name, (this.#pipes.get(name) ?? 0) + 1)
    end.once('close', () => {
      const left = this.#pipes.get(name)! - 1
      if (left === 0) this.#pipes.delete(name)
      else this.#pipes.set(name, left)
    })
  }

  #counter(): Transform {
    return new Transform({
      transform: (bytes: Buffer, _encoding, done) => {
        this.#onBytes(bytes.length)
        done(null, bytes)
      }
    })
  }
}
