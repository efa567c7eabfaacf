/**
 * Artifacts on their way: bytes in chunks, from the machine that keeps them to whoever may have
 * them. A worker knows them by their SHA-256 alone; whose they are, only jobs services know.
 */
import { Type, type Static } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import type { ItemCodec } from '#shared/rpc/items.ts'
import { PeerKey } from '../peers/links.ts'
import { between, FROM_CALLERS, FROM_JOBS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { TASK_ID_PATTERN } from './graph.ts'
import { JobId } from './submit.ts'
import { RunTask, TaskArtifact } from './task-run.ts'

/** Small enough that tokens on the same connection do not wait for it. */
export const CHUNK_BYTES_MAX = 256 << 10
/** Of a connection that carries no tokens. */
export const LENT_CHUNK_BYTES_MAX = 1 << 20
const LENT_MS_MAX = 86_400_000
/** The name of the artifact that is the whole output of a task, as JSON. */
export const OUTPUT_ARTIFACT = 'output.json'
const DROPPED_MAX = 1000
const URI_MAX = 512

const Sha256 = TaskArtifact.properties.sha256
const Place = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** From the byte `from` up to and without `to`. */
const Range = { from: Type.Optional(Place), to: Type.Optional(Place) }
const Chunk = Type.Unsafe<Uint8Array>(Type.Unknown())
const End = Type.Object({})

/** Bytes as they are; JSON would take a third more. */
const codecOf = (bytesMax: number): ItemCodec<Uint8Array> => ({
  encode: (chunk, to) => to.bytes(chunk),
  decode(from) {
    const chunk = from.bytes()
    if (chunk.length > bytesMax) throw new Error('a chunk is too large')
    return chunk
  }
})
export const chunkCodec = codecOf(CHUNK_BYTES_MAX)

export const readWorkerArtifact = defineStream(
  'worker.readArtifact',
  FROM_JOBS,
  Type.Object({ sha256: Sha256, ...Range }),
  Chunk,
  End,
  chunkCodec
)

/** Nobody refers to them any more. */
export const dropWorkerArtifacts = defineMethod(
  'worker.dropArtifacts',
  FROM_JOBS,
  Type.Object({ sha256: Type.Array(Sha256, { maxItems: DROPPED_MAX }) }),
  Type.Object({})
)

/** A run of that worker was given the artifact: it may read it from here for so long. */
export const lendArtifact = defineMethod(
  'worker.lendArtifact',
  FROM_JOBS,
  Type.Object({
    sha256: Sha256,
    to: PeerKey,
    ms: Type.Integer({ minimum: 1, maximum: LENT_MS_MAX })
  }),
  Type.Object({})
)

/** From the worker that keeps it to the one that it was lent to, past everybody else. */
export const readLentArtifact = defineStream(
  'worker.readLentArtifact',
  between(['worker'], ['worker']),
  Type.Object({ sha256: Sha256, ...Range }),
  Chunk,
  End,
  codecOf(LENT_CHUNK_BYTES_MAX)
)

/** From a worker that runs a task whose input names the artifact; of no other. */
export const readRunArtifact = defineStream(
  'jobs.readRunArtifact',
  between(['worker'], ['jobs']),
  Type.Object({ run: RunTask.properties.run, uri: PlainText(URI_MAX, 1) }),
  Chunk,
  End,
  chunkCodec
)

/** One artifact of a task, as in `/v1/jobs/{id}/artifacts/{task}/{name}`. */
export const ArtifactName = Type.Object({
  jobId: JobId,
  taskId: Type.String({ pattern: `${TASK_ID_PATTERN.slice(0, -1)}(\\.[0-9]{1,6})?$` }),
  name: TaskArtifact.properties.name
})
export type ArtifactName = Static<typeof ArtifactName>

const OneArtifact = { tenant: Type.Optional(PlainText(128, 1)), ...ArtifactName.properties }

/** What there is to know before it is read. */
export const ArtifactFacts = Type.Object({
  ...TaskArtifact.properties,
  createdAt: Type.Integer({ minimum: 0 })
})
export type ArtifactFacts = Static<typeof ArtifactFacts>

const FROM_GATEWAYS_TO_JOBS = between(['gateway'], ['jobs'])

export const findArtifact = defineMethod(
  'jobs.artifact',
  FROM_GATEWAYS_TO_JOBS,
  Type.Object(OneArtifact),
  ArtifactFacts
)

export const readArtifact = defineStream(
  'jobs.readArtifact',
  FROM_GATEWAYS_TO_JOBS,
  Type.Object({ ...OneArtifact, ...Range }),
  Chunk,
  End,
  chunkCodec
)

export const gatewayArtifact = defineMethod(
  'gateway.artifact',
  FROM_CALLERS,
  ArtifactName,
  ArtifactFacts
)

export const gatewayReadArtifact = defineStream(
  'gateway.readArtifact',
  FROM_CALLERS,
  Type.Object({ ...ArtifactName.properties, ...Range }),
  Chunk,
  End,
  chunkCodec
)

export const artifactUri = (jobId: Static<typeof JobId>, taskId: string, name: string): string =>
  `artifact://${jobId}/${taskId}/${name}`
