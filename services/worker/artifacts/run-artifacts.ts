/**
 * The artifacts of one run: those that it was given are read from this machine where it has them,
 * else over the mesh; what it makes is kept here.
 */
import {
  LENT_CHUNK_BYTES_MAX,
  readLentArtifact,
  readRunArtifact
} from '#shared/contracts/jobs/artifacts.ts'
import type { GivenArtifact, TaskArtifact } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import { within } from '#shared/kit/within.ts'
import { childContext, type RequestContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { ArtifactStore } from './artifact-store.ts'
import type { TaskArtifacts } from '../tasks/task-kind.ts'

interface RunArtifactsDeps {
  store: ArtifactStore
  /** Names the run for the jobs service that gave it. */
  run: string
  given: readonly GivenArtifact[]
  context: RequestContext
  /** To that service. */
  link: () => PeerLink | undefined
  /** To another worker; opened if there is none. */
  reach: (key: string) => Promise<PeerLink>
}

/** A worker that takes longer to reach is passed by: the jobs service can bring it, too. */
const REACH_MS_MAX = 5000
const RANGE_BYTES = LENT_CHUNK_BYTES_MAX
const RANGES_AHEAD = 8

export class RunArtifacts implements TaskArtifacts {
  readonly #deps: RunArtifactsDeps

  constructor(deps: RunArtifactsDeps) {
    this.#deps = deps
  }

  async read(uri: string, bytesMax: number): Promise<Buffer> {
    const given = this.#deps.given.find((each) => each.uri === uri)
    if (given === undefined) {
      throw new HaifError('NOT_FOUND', `${uri} is not an artifact that this task may read`)
    }
    if (given.bytes > bytesMax) {
      const message = `${uri} has ${given.bytes} bytes, and there is room for ${bytesMax}`
      throw new HaifError('BODY_TOO_LARGE', message)
    }
    const { store } = this.#deps
    if ((await store.has(given.sha256)) === null) await this.#bring(given)
    const parts: Buffer[] = []
    for await (const part of store.read(given.sha256)) parts.push(part)
    return Buffer.concat(parts)
  }

  async keep(
    name: string,
    body: AsyncIterable<Uint8Array>,
    mediaType?: string
  ): Promise<TaskArtifact> {
    const kept = await this.#deps.store.keep(body)
    return { name, ...kept, ...(mediaType === undefined ? {} : { mediaType }) }
  }

  /** Another task may need it soon, so it stays here until nobody has read it for long. */
  async #bring(given: GivenArtifact): Promise<void> {
    if (given.from !== undefined && (await this.#bringDirectly(given, given.from))) return
    const { run, link, context } = this.#deps
    const from = link()
    if (from === undefined) throw new HaifError('PEER_LOST', 'the jobs service was lost')
    using own = childContext(context)
    await this.#take(given, from.stream(readRunArtifact, { run, uri: given.uri }, own))
  }

  /** False: it has to come another way, as the worker cannot be reached, or was lost. */
  async #bringDirectly(given: GivenArtifact, key: string): Promise<boolean> {
    const { reach, context } = this.#deps
    try {
      let link: PeerLink | undefined
      await within(
        REACH_MS_MAX,
        reach(key).then((found) => (link = found))
      )
      if (link === undefined) return false
      using own = childContext(context)
      await this.#take(given, inRanges(link, given, own))
      return true
    } catch {
      context.signal.throwIfAborted()
      return false // what is wrong here and not there is said by the other way
    }
  }

  async #take(given: GivenArtifact, stream: AsyncIterable<Uint8Array>): Promise<void> {
    const { store } = this.#deps
    const { sha256 } = await store.keep(bounded(stream, given.bytes))
    if (sha256 === given.sha256) return
    await store.drop(sha256)
    throw new HaifError('ARTIFACT_UNAVAILABLE', `${given.uri} came with other bytes than it had`)
  }
}

/** Several at a time, in their order: each stream waits for its reader after every item. */
async function* inRanges(
  link: PeerLink,
  { sha256, bytes }: GivenArtifact,
  context: RequestContext
): AsyncGenerator<Uint8Array> {
  const coming: Promise<Buffer>[] = [] // at most RANGES_AHEAD
  for (let from = 0; from < bytes; from += RANGE_BYTES) {
    const to = Math.min(bytes, from + RANGE_BYTES)
    const range = collected(link.stream(readLentArtifact, { sha256, from, to }, context))
    range.catch(() => {}) // it is told when its turn comes
    coming.push(range)
    if (coming.length === RANGES_AHEAD) yield (await coming.shift())!
  }
  for (const range of coming) yield await range
}

async function collected(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of bounded(stream, RANGE_BYTES)) parts.push(part)
  return parts.length === 1 ? Buffer.from(parts[0]!) : Buffer.concat(parts)
}

async function* bounded(
  stream: AsyncIterable<Uint8Array>,
  bytesMax: number
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      throw new HaifError('ARTIFACT_UNAVAILABLE', 'an artifact came with more bytes than it has')
    }
    yield chunk
  }
}
