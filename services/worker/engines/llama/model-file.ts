/**
 * Who a model file is: the SHA-256 of its bytes, taken before anything parses them. Flipped weights
 * load without a word, and nothing else in the chain would notice.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { HaifError } from '#shared/errors.ts'
import { oneLine } from './failure.ts'

export interface ModelFile {
  digest: string
  sizeBytes: number
  modifiedAtMs: number
}

export async function identifyModelFile(path: string): Promise<ModelFile> {
  try {
    const { size: sizeBytes, mtimeMs: modifiedAtMs } = await stat(path)
    const hash = createHash('sha256')
    let head: Buffer | null = null
    const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: READ_BYTES })
    for await (const chunk of chunks) {
      head ??= chunk.subarray(0, MAGIC.length)
      hash.update(chunk)
    }
    if (head?.toString('latin1') !== MAGIC) throw new Error('it is not a GGUF file')
    return { digest: hash.digest('hex'), sizeBytes, modifiedAtMs }
  } catch (error) {
    throw modelLoadFailed(path, reasonOf(error), error)
  }
}

/** Whether the file is still the one that was hashed, by what the file system says. */
export async function isSameFile(path: string, file: ModelFile): Promise<boolean> {
  const now = await stat(path).catch(() => null)
  return now?.size === file.sizeBytes && now.mtimeMs === file.modifiedAtMs
}

export function modelLoadFailed(path: string, reason: string, cause?: unknown): HaifError {
  return new HaifError('MODEL_LOAD_FAILED', `cannot load ${path}: ${reason}`, { cause })
}

const MAGIC = 'GGUF'
const READ_BYTES = 1 << 20

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file; check the path, or download the model',
  EACCES: 'it may not be read; check its permissions',
  EISDIR: 'it is a folder; name the .gguf file in it'
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? `${oneLine(error)}; download it again`
}
