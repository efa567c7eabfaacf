/** The SHA-256 of model files. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

const READ_BYTES = 1 << 20

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: READ_BYTES })
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** Of a split model: two models whose first parts are equal are not the same. */
export function digestOfParts(digests: readonly string[]): string {
  const [first = '', ...others] = digests
  if (others.length === 0) return first
  return createHash('sha256').update(digests.join('\n')).digest('hex')
}
