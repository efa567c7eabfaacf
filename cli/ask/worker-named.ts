/** Which worker a person means by a name, as "haif status" and "haif peers" show it. */
import type { PeerEntry } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import { nearName } from '#shared/kit/near-name.ts'
import { shortKey } from '../screen/terminal.ts'

/** Workers that a sentence names. */
const SHOWN_MAX = 8

/** The key of the one worker that is called so. Throws, with the candidates, when it is not one. */
export function workerNamed(wanted: string, peers: readonly PeerEntry[]): string {
  const workers = peers.filter(({ role }) => role === 'worker')
  const named = workers.filter(({ name }) => name === wanted)
  const [worker] = named
  if (worker !== undefined && named.length === 1) return worker.key
  const others = workers.length === 0 ? '' : `, only ${listed(workers)}`
  const what =
    worker === undefined
      ? `no worker called "${wanted}" is connected${others}${guess(wanted, workers)}`
      : `${named.length} workers are called "${wanted}": give the key of one of ${listed(named)}`
  throw new HaifError('NOT_FOUND', what)
}

function guess(wanted: string, workers: readonly PeerEntry[]): string {
  const names = workers.flatMap(({ name }) => name ?? [])
  const near = nearName(wanted, names)
  return near === undefined ? '' : `; did you mean "${near}"?`
}

function listed(workers: readonly PeerEntry[]): string {
  const shown = workers.slice(0, SHOWN_MAX).map(inWords).join(', ')
  return workers.length > SHOWN_MAX ? `${shown}, …` : shown
}

const inWords = ({ key, name }: PeerEntry): string =>
  name === undefined ? shortKey(key) : `${name} (${shortKey(key)})`
