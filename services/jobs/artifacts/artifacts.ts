/**
 * The artifacts of jobs: whose they are, who keeps them, and how their bytes come from there. A
 * worker may read what its task was given, and a caller what its own jobs have made.
 */
import { createHash, hash } from 'node:crypto'
import {
  artifactUri,
  CHUNK_BYTES_MAX,
  lendArtifact,
  OUTPUT_ARTIFACT,
  readWorkerArtifact,
  type ArtifactFacts,
  type ArtifactName
} from '#shared/contracts/jobs/artifacts.ts'
import type { GivenArtifact, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { createContext, type RequestContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Store } from '#shared/store/store.ts'
import {
  bytesOfTenant,
  findArtifactRow,
  findOutput,
  IN_STORE,
  type ArtifactRow,
  type MadeArtifact
} from '../store/artifacts/artifacts.ts'
import { insertChunks, readChunks } from '../store/artifacts/chunks.ts'
import type { Copies } from './copies.ts'
import { artifactUrisIn, bundleOf, parseArtifactUri } from './uris.ts'

interface ArtifactsDeps {
  store: Store
  /** The connection to a worker. */
  link: (key: string) => PeerLink | undefined
  /** Null: the worker that made an artifact has the only one. */
  copies: Copies | null
  /** From a registry, which keeps the bundles of functions. */
  readBundle: (sha256: string, context: RequestContext) => AsyncGenerator<Uint8Array, {}, void>
  /** Of all artifacts of a tenant; Infinity: no bound. */
  bytesMax: (tenant: string) => number
}

interface Grant {
  worker: string
  rows: ReadonlyMap<string, ArtifactRow>
  bundle: GivenArtifact | null
}

/** Characters of the JSON of an output; what is larger becomes an artifact. */
const OUTPUT_MAX = 1_048_576
/** Kept in the database, and read into memory by whoever refers to it. */
const OUTPUT_BYTES_MAX = 64 << 20
/** A smaller one is here before two workers have found each other. */
const LENT_BYTES_MIN = 512 << 10
/** For as long as its run may take to come to it. */
const LENT_MS = 3_600_000
const LEND_MS_MAX = 5000
const GRANTS_MAX = 4096
const FETCHED_MAX = 4096

export class Artifacts {
  readonly #deps: ArtifactsDeps
  readonly #grants = new BoundedMap<string, Grant>(GRANTS_MAX)
  /** Workers that have fetched an artifact, by its SHA-256: they keep it for a while. */
  readonly #fetched = new BoundedMap<string, string>(FETCHED_MAX)

  constructor(deps: ArtifactsDeps) {
    this.#deps = deps
  }

  /** Lets the worker of a run read what its input names; throws NOT_FOUND for what is not there. */
  async grant(run: string, of: { tenant: string; worker: string; type: string; input: unknown }) {
    const bundle = of.type === 'function' ? bundleOf(of.input) : null
    const uris = artifactUrisIn(of.input)
    const rows = new Map<string, ArtifactRow>()
    for (const uri of uris) rows.set(uri, await this.#named(uri, of.tenant))
    if (rows.size > 0 || bundle !== null) {
      this.#grants.set(run, { worker: of.worker, rows, bundle })
    }
    const given: GivenArtifact[] = await Promise.all(
      [...rows].map(async ([uri, row]) => {
        const { sha256, bytes } = row
        const from = await this.#lentBy(row, of.worker)
        return { uri, sha256, bytes, ...(from === null ? {} : { from }) }
      })
    )
    return bundle === null ? given : [...given, bundle]
  }

  /** The worker that gives it to the other one itself; null: its bytes come through here. */
  async #lentBy({ holder, sha256, bytes }: ArtifactRow, to: string): Promise<string | null> {
    if (holder === IN_STORE || holder === to || bytes < LENT_BYTES_MIN) return null
    const { link } = this.#deps
    const keeper = link(holder) ?? link(this.#fetched.get(sha256) ?? '')
    if (keeper === undefined || keeper.peer.key === to) return null
    using context = createContext({ timeoutMs: LEND_MS_MAX })
    try {
      await keeper.call(lendArtifact, { sha256, to, ms: LENT_MS }, context)
      return keeper.peer.key
    } catch {
      return null // one of an older version, or it was lost just now: what is asked next says so
    }
  }

  /** The run has ended well: its worker has what it was given, and keeps it for a while. */
  taken(run: string): void {
    const { rows, worker } = this.#grants.get(run) ?? {}
    for (const { sha256 } of rows?.values() ?? []) this.#fetched.set(sha256, worker!)
  }

  revoke(run: string): void {
    this.#grants.delete(run)
  }

  /** For the worker of a run, and only for it. */
  async *readForRun(
    { run, uri }: { run: string; uri: string },
    worker: string,
    context: RequestContext
  ): AsyncGenerator<Uint8Array, {}, void> {
    const grant = this.#grants.get(run)
    const bundle = grant?.worker === worker ? grant.bundle : null
    if (bundle !== null && bundle !== undefined && bundle.uri === uri) {
      return yield* this.#deps.readBundle(bundle.sha256, context)
    }
    const row = grant?.worker === worker ? grant.rows.get(uri) : undefined
    if (row === undefined) throw new HaifError('NOT_FOUND', `${uri} is not an artifact of this run`)
    yield* this.read(row, 0, row.bytes, context)
    this.#fetched.set(row.sha256, worker)
    return {}
  }

  async facts(of: ArtifactName & { tenant?: string }): Promise<ArtifactFacts> {
    const output = await this.#storedOutput(of)
    if (output !== null) {
      const { bytes, at } = output
      const about = { name: of.name, mediaType: 'application/json', createdAt: at.getTime() }
      return { ...about, sha256: hash('sha256', bytes), bytes: bytes.length }
    }
    const { name, sha256, bytes, media_type, created_at } = await this.#assertRow(of)
    const mediaType = media_type === null ? {} : { mediaType: media_type }
    return { name, sha256, bytes, createdAt: created_at.getTime(), ...mediaType }
  }

  async *readFor(
    of: ArtifactName & { tenant?: string; from?: number; to?: number },
    context: RequestContext
  ): AsyncGenerator<Uint8Array, {}, void> {
    const output = await this.#storedOutput(of)
    if (output !== null) {
      yield* inChunks(output.bytes.subarray(of.from, of.to))
      return {}
    }
    const row = await this.#assertRow(of)
    yield* this.read(row, of.from ?? 0, Math.min(of.to ?? row.bytes, row.bytes), context)
    return {}
  }

  /** From whoever has it; a whole one is compared with its name. */
  async *read(
    row: ArtifactRow,
    from: number,
    to: number,
    context: RequestContext
  ): AsyncGenerator<Uint8Array> {
    const isWhole = from === 0 && to === row.bytes
    const digest = createHash('sha256')
    let left = to - from
    for await (const part of this.#source(row, from, to, context)) {
      left -= part.length
      if (left < 0) break
      if (isWhole) digest.update(part)
      yield* inChunks(part)
    }
    if (left === 0 && (!isWhole || digest.digest('hex') === row.sha256)) return
    const { job_id, task_id, name } = row
    const uri = artifactUri(job_id, task_id, name)
    throw new HaifError('ARTIFACT_UNAVAILABLE', `${uri} came with other bytes than it has`)
  }

  /** For a task that runs here. */
  async readText(
    uri: string,
    tenant: string,
    bytesMax: number,
    context: RequestContext
  ): Promise<string> {
    const row = await this.#named(uri, tenant)
    if (row.bytes > bytesMax) {
      throw new HaifError('BODY_TOO_LARGE', `${uri} has ${row.bytes} bytes, of ${bytesMax} at most`)
    }
    return this.#text(row, context)
  }

  /** The result as it is written: within the quota, and with a large output beside it. */
  async kept(
    { tenant_id: tenant }: { tenant_id: string },
    result: TaskResult
  ): Promise<TaskResult & { artifacts?: MadeArtifact[] }> {
    const json = JSON.stringify(result.output ?? null)
    const bytes = json.length > OUTPUT_MAX ? Buffer.from(json) : null
    const artifacts: MadeArtifact[] = [...(result.artifacts ?? [])]
    if (bytes !== null) artifacts.push(outputArtifact(bytes))
    if (artifacts.length === 0) return result
    await this.#assertQuota(tenant, artifacts)
    if (bytes === null) return { ...result, artifacts }
    await insertChunks(this.#deps.store, artifacts.at(-1)!.sha256, bytes)
    return { ...result, output: { $artifact: OUTPUT_ARTIFACT }, artifacts }
  }

  /** The output of a task that may have become an artifact, and the URIs of the others. */
  async outputOf(
    task: { job_id: string; task_id: string; output: string; artifacts: string | null },
    context: RequestContext
  ): Promise<unknown> {
    const { job_id, task_id, output: json, artifacts } = task
    const output = JSON.parse(json) as unknown
    if (artifacts === null) return output
    const made = JSON.parse(artifacts) as MadeArtifact[]
    const named = made.map(({ name }) => [name, artifactUri(job_id, task_id, name)] as const)
    const whole = isInArtifact(output) ? await this.#readOutput(job_id, task_id, context) : output
    return typeof whole === 'object' && whole !== null && !Array.isArray(whole)
      ? { ...withUri(whole, named), artifacts: Object.fromEntries(named) }
      : whole
  }

  /** An output that is small enough to be kept with its task; null: it is an artifact, or none. */
  async #storedOutput(of: ArtifactName & { tenant?: string }) {
    if (of.name !== OUTPUT_ARTIFACT) return null
    const found = await findOutput(this.#deps.store, of)
    if (found === null || isInArtifact(JSON.parse(found.output))) return null
    return { bytes: Buffer.from(found.output), at: found.ended_at }
  }

  async #readOutput(jobId: string, taskId: string, context: RequestContext): Promise<unknown> {
    const row = await this.#assertRow({ jobId, taskId, name: OUTPUT_ARTIFACT })
    if (row.bytes > OUTPUT_BYTES_MAX) throw tooLarge(row.bytes)
    return JSON.parse(await this.#text(row, context)) as unknown
  }

  async #text(row: ArtifactRow, context: RequestContext): Promise<string> {
    const parts: Uint8Array[] = []
    for await (const part of this.read(row, 0, row.bytes, context)) parts.push(part)
    return Buffer.concat(parts).toString('utf8')
  }

  async #assertQuota(tenant: string, artifacts: readonly MadeArtifact[]): Promise<void> {
    const most = this.#deps.bytesMax(tenant)
    if (most === Infinity) return
    const more = artifacts.reduce((sum, { bytes }) => sum + bytes, 0)
    const used = await bytesOfTenant(this.#deps.store, tenant)
    if (used + more <= most) return
    throw new HaifError(
      'ARTIFACT_QUOTA',
      `the artifacts of ${tenant} may have ${most} bytes together (max_artifact_bytes), and with ` +
        `these they would have ${used + more}: archive jobs, or raise the quota`
    )
  }

  async #named(uri: string, tenant: string): Promise<ArtifactRow> {
    const name = parseArtifactUri(uri)
    const row = name && (await findArtifactRow(this.#deps.store, { ...name, tenant }))
    if (row !== null) return row
    throw new HaifError('NOT_FOUND', `there is no artifact ${uri}`)
  }

  async #assertRow(of: ArtifactName & { tenant?: string }): Promise<ArtifactRow> {
    const row = await findArtifactRow(this.#deps.store, of)
    if (row !== null) return row
    const { jobId, taskId, name } = of
    throw new HaifError('NOT_FOUND', `there is no artifact ${name} of task ${taskId} in ${jobId}`)
  }

  #source(
    row: ArtifactRow,
    from: number,
    to: number,
    context: RequestContext
  ): AsyncIterable<Uint8Array> {
    const { store, link, copies } = this.#deps
    const { holder, sha256 } = row
    if (holder === IN_STORE) return readChunks(store, sha256, from, to)
    const worker = link(holder) ?? link(this.#fetched.get(sha256) ?? '')
    if (worker !== undefined)
      return worker.stream(readWorkerArtifact, { sha256, from, to }, context)
    if (row.copied && copies !== null) return copies.read(sha256, from, to)
    throw new HaifError(
      'ARTIFACT_UNAVAILABLE',
      `the machine that keeps ${row.name} is away (${holder.slice(0, 16)}): start it again`
    )
  }
}

function* inChunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
    yield bytes.subarray(at, at + CHUNK_BYTES_MAX)
  }
}

function outputArtifact(output: Buffer): MadeArtifact {
  const bytes = output.length
  if (bytes > OUTPUT_BYTES_MAX) throw tooLarge(bytes)
  const about = { name: OUTPUT_ARTIFACT, mediaType: 'application/json', holder: IN_STORE }
  return { ...about, sha256: hash('sha256', output), bytes }
}

/** A function's value that is one of its artifacts is named as others can read it. */
function withUri(output: object, named: readonly (readonly [string, string])[]): object {
  if (!('value' in output) || !isInArtifact(output.value)) return output
  const { $artifact: name } = output.value as { $artifact: unknown }
  const uri = named.find(([known]) => known === name)?.[1]
  return uri === undefined ? output : { ...output, value: { $artifact: uri } }
}

const isInArtifact = (output: unknown): boolean =>
  typeof output === 'object' && output !== null && Object.hasOwn(output, '$artifact')

const tooLarge = (bytes: number): HaifError =>
  new HaifError(
    'BODY_TOO_LARGE',
    `the output has ${bytes} bytes, and another task can take ${OUTPUT_BYTES_MAX}: put out less`
  )
