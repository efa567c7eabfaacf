/**
 * Hints between orchestrators as text: `1.<sender>.<base64>`. The bytes are, for each worker, its
 * key (32), how many blocks (2, little endian) and the hash of each block (8, a double, little
 * endian).
 *
 * Orchestrators of several versions may share a Redis. Whoever changes this form, or how prompts
 * are cut and hashed, changes the version, and others ignore the hints.
 */

/** Blocks of prompts that a worker has seen, as hashes from their chains. */
interface Hint {
  workerKey: string
  blocks: readonly number[]
}

const VERSION = '1'
const SENDER_CHARACTERS = 16
const KEY_BYTES = 32
const COUNT_BYTES = 2
const BLOCK_BYTES = 8
/** Bounds one message over all its workers; the longest is then 115 KB of text. */
export const BLOCKS_PER_MESSAGE_MAX = 2048
const BYTES_MAX = BLOCKS_PER_MESSAGE_MAX * (KEY_BYTES + COUNT_BYTES + BLOCK_BYTES)

/** The beginning of each message of a sender; `sender` has 16 hexadecimal digits. */
export const headOf = (sender: string): string => `${VERSION}.${sender}.`
const HEAD_CHARACTERS = headOf('x'.repeat(SENDER_CHARACTERS)).length
const MESSAGE_CHARACTERS_MAX = HEAD_CHARACTERS + Math.ceil(BYTES_MAX / 3) * 4

/** The hints have at most BLOCKS_PER_MESSAGE_MAX blocks together, and each has at least one. */
export function writeHints(sender: string, hints: readonly Hint[]): string {
  const blocks = hints.reduce((sum, hint) => sum + hint.blocks.length, 0)
  const bytes = Buffer.alloc(hints.length * (KEY_BYTES + COUNT_BYTES) + blocks * BLOCK_BYTES)
  let at = 0
  for (const hint of hints) {
    bytes.write(hint.workerKey, at, 'hex')
    bytes.writeUInt16LE(hint.blocks.length, at + KEY_BYTES)
    at += KEY_BYTES + COUNT_BYTES
    for (const block of hint.blocks) at = bytes.writeDoubleLE(block, at)
  }
  return headOf(sender) + bytes.toString('base64')
}

/** Returns all hints of a message, or null when any is malformed or of another version. */
export function readHints(message: string): Hint[] | null {
  if (message.length > MESSAGE_CHARACTERS_MAX || !message.startsWith(`${VERSION}.`)) return null
  if (message[HEAD_CHARACTERS - 1] !== '.') return null
  const bytes = Buffer.from(message.slice(HEAD_CHARACTERS), 'base64')
  const hints: Hint[] = []
  let at = 0
  while (at < bytes.length) {
    const hint = readHint(bytes, at)
    if (hint === null) return null
    hints.push(hint)
    at += KEY_BYTES + COUNT_BYTES + hint.blocks.length * BLOCK_BYTES
  }
  const blocks = hints.reduce((sum, hint) => sum + hint.blocks.length, 0)
  return blocks > 0 && blocks <= BLOCKS_PER_MESSAGE_MAX ? hints : null
}

function readHint(bytes: Buffer, start: number): Hint | null {
  let at = start + KEY_BYTES + COUNT_BYTES
  if (at > bytes.length) return null
  const workerKey = bytes.toString('hex', start, start + KEY_BYTES)
  const end = at + bytes.readUInt16LE(start + KEY_BYTES) * BLOCK_BYTES
  if (end === at || end > bytes.length) return null
  const blocks: number[] = []
  for (; at < end; at += BLOCK_BYTES) {
    const block = bytes.readDoubleLE(at)
    if (!Number.isSafeInteger(block) || block < 0) return null
    blocks.push(block)
  }
  return { workerKey, blocks }
}
