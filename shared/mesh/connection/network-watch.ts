/**
 * Notices that this machine has another address, another way to the internet, or has slept. Nothing
 * is heard of either: the system reports changes of interfaces after seconds or not at all, and a
 * connection learns it by silence.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import process from 'node:process'

const LOOK_MS = 1000
/** A timer that is late by this much was asleep, with the process or the machine. */
const SLEPT_MS = 5000

const LINUX_ROUTES = '/proc/net/route'
/** The line of a route to anywhere: interface, destination 0, gateway. */
const DEFAULT_ROUTE = /^(\S+\t00000000\t\S+)/gm

export class NetworkWatch {
  readonly #onChange: (why: string) => void
  #timer: NodeJS.Timeout | null = null
  #lookedAt = 0
  #seen: string | null = null

  constructor(onChange: (why: string) => void) {
    this.#onChange = onChange
  }

  /** It looks for the first time when the process has had its time to connect. */
  start(): void {
    this.#lookedAt = Date.now()
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  look(): void {
    if (this.#timer === null) return
    // The clock of the calendar goes on while the machine sleeps, that of the process may not.
    const now = Date.now()
    const sleptMs = now - this.#lookedAt - LOOK_MS
    this.#lookedAt = now
    const seen = network()
    const before = this.#seen
    this.#seen = seen
    if (sleptMs > SLEPT_MS) this.#onChange(`slept for ${Math.round(sleptMs / 1000)} s`)
    else if (before !== null && seen !== before) this.#onChange('another address or route')
  }
}

/** The addresses of this machine and its default routes, as one text. */
function network(): string {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list.filter(({ internal }) => !internal).map(({ address }) => `${name} ${address}`)
  )
  return [...addresses.toSorted(), ...defaultRoutes()].join('\n')
}

function defaultRoutes(): string[] {
  if (process.platform !== 'linux') return []
  try {
    return readFileSync(LINUX_ROUTES, 'utf8').match(DEFAULT_ROUTE) ?? []
  } catch {
    return [] // without /proc the addresses have to do
  }
}
