/**
 * The registry's snapshot in pages. What peers say of themselves is bounded each, and not together:
 * a reply of a fixed size would be too small one day, for a large mesh or for one that somebody
 * fills.
 */
import type {
  MeshSnapshot,
  ModelEntry,
  PeerEntry,
  SnapshotPage,
  SnapshotQuery
} from '#shared/contracts/peers/peers.ts'

/** An entry may go beyond it: each page has at least one. */
const PAGE_BYTES_MAX = 512 * 1024

/** The snapshot as it was made, with the size of each entry, measured once. */
export class SnapshotPages {
  readonly #entries: readonly Entry[]

  constructor({ peers, models }: Omit<MeshSnapshot, 'now'>) {
    this.#entries = [
      ...peers.toSorted(byRole).map((peer) => ({ peer, bytes: bytesOf(peer) })),
      ...models.toSorted(byName).map((model) => ({ model, bytes: bytesOf(model) }))
    ]
  }

  /** `now`: the time of the answer, in milliseconds since 1970. */
  page({ after, models: onlyModels = false }: SnapshotQuery, now: number): SnapshotPage {
    const page: SnapshotPage = { now, peers: [], models: [] }
    let bytes = 0
    let last = ''
    for (const entry of this.#entries) {
      if (onlyModels && 'peer' in entry) continue
      if (after !== undefined && !comesAfter(entry, after)) continue
      if (last !== '' && bytes + entry.bytes > PAGE_BYTES_MAX) return { ...page, next: last }
      if ('peer' in entry) page.peers.push(entry.peer)
      else page.models.push(entry.model)
      bytes += entry.bytes
      last = cursorOf(entry)
    }
    return page
  }
}

type Entry = { bytes: number } & ({ peer: PeerEntry } | { model: ModelEntry })

const bytesOf = (entry: PeerEntry | ModelEntry): number => Buffer.byteLength(JSON.stringify(entry))

/** Peers come before models: "peer/<role>/<key>", "model/<name>". */
function cursorOf(entry: Entry): string {
  if ('model' in entry) return `model/${entry.model.name}`
  return `peer/${entry.peer.role}/${entry.peer.key}`
}

/** An entry that has gone since the page before is no obstacle: only its place counts. */
function comesAfter(entry: Entry, cursor: string): boolean {
  const [kind, first = '', ...rest] = cursor.split('/')
  if ('model' in entry) {
    return kind !== 'model' || compare(entry.model.name, [first, ...rest].join('/')) > 0
  }
  if (kind !== 'peer') return false
  return (compare(entry.peer.role, first) || compare(entry.peer.key, rest.join('/'))) > 0
}

const byRole = (a: PeerEntry, b: PeerEntry): number =>
  compare(a.role, b.role) || compare(a.key, b.key)
const byName = (a: ModelEntry, b: ModelEntry): number => compare(a.name, b.name)

/** As people sort; two names that they would take for one are apart all the same. */
function compare(a: string, b: string): number {
  const difference = a.localeCompare(b)
  if (difference !== 0 || a === b) return difference
  return a < b ? -1 : 1
}
