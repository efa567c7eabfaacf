/**
 * The SHA-256 of a download is recorded beside it as `<file>.sha256` (`sha256sum -c` reads it) and
 * compared with the file at each load: damaged weights would load without any error.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { HaifError } from '#shared/errors.ts'
import type { Engine, LoadedModel } from '../../engines/engine.ts'

/** A model of the hub as files of this machine. */
export interface LocalModel {
  /** The file to load. */
  entry: string
  /** All files of the model, with the SHA-256 recorded for each. */
  files: { path: string; digest: string }[]
}

const READ_BYTES = 1 << 20

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: READ_BYTES })
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

export async function writeRecord(path: string, digest: string): Promise<void> {
  await writeFile(`${path}.sha256`, `${digest}  ${basename(path)}\n`)
}

/** Null when there is no readable record. */
export async function readRecord(path: string): Promise<string | null> {
  const text = await readFile(`${path}.sha256`, 'utf8').catch(() => '')
  return /^[0-9a-f]{64}(?=\s)/.exec(text)?.[0] ?? null
}

/**
 * The engine computes the digest of the file it loads anyway, so that one is compared and the
 * file is not read twice. The other files of a split model, and a file that does not load, are
 * read here.
 */
export function withRecordedDigest(engine: Engine, { entry, files }: LocalModel): Engine {
  const [first, ...others] = files
  return {
    kind: engine.kind,
    parameters: engine.parameters,
    ...(engine.estimate === undefined ? {} : { estimate: engine.estimate.bind(engine) }),
    ...(engine.embed === undefined ? {} : { embed: engine.embed.bind(engine) }),
    async load(onProgress) {
      for (const { path, digest } of others) await assertUnchanged(path, digest)
      const loaded = await loadOrExplain(engine, first!, onProgress)
      if (loaded.digest !== first!.digest) throw changed(entry)
      return loaded
    },
    generate: (request, signal) => engine.generate(request, signal),
    metrics: () => engine.metrics(),
    close: () => engine.close()
  }
}

async function loadOrExplain(
  engine: Engine,
  { path, digest }: LocalModel['files'][number],
  onProgress: ((fraction: number) => void) | undefined
): Promise<LoadedModel> {
  try {
    return await engine.load(onProgress)
  } catch (error) {
    await assertUnchanged(path, digest)
    throw error
  }
}

async function assertUnchanged(path: string, digest: string): Promise<void> {
  if ((await digestOfFile(path)) !== digest) throw changed(path)
}

function changed(path: string): HaifError {
  return new HaifError(
    'MODEL_LOAD_FAILED',
    `${path} is no longer what was downloaded (its SHA-256 is not the recorded one); ` +
      'delete it and start again to download it anew'
  )
}
