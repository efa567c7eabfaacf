/** What the file system says of a file, by which another content is noticed without reading it. */
import { statSync, type BigIntStats } from 'node:fs'

export interface FileStamp {
  path: string
  /** As `stampOf` makes it. */
  stamp: string
}

/** Not the time of change, which another hard link or a change of rights sets too. */
export const stampOf = ({ ino, dev, size, mtimeNs }: BigIntStats): string =>
  `${dev}/${ino} ${size} ${mtimeNs}`

/** The same file, whatever is in it. */
export const isSameInode = (one: string, other: string): boolean =>
  one.split(' ', 1)[0] === other.split(' ', 1)[0]

/**
 * The first of the files that was written into since its stamp was taken, or null. Another file in
 * its place does not count, nor that it is gone: who has it open still has the old one.
 */
export function overwritten(files: readonly FileStamp[]): string | null {
  for (const { path, stamp } of files) {
    const now = stampIfThere(path)
    if (now !== null && now !== stamp && isSameInode(now, stamp)) return path
  }
  return null
}

function stampIfThere(path: string): string | null {
  try {
    return stampOf(statSync(path, { bigint: true }))
  } catch {
    return null // a disk that does not answer says nothing of it
  }
}
