/**
 * The room that downloads leave on the disk. Whatever else is on it (the database, usage that waits
 * to be written, the system) needs some, and a model that fills it to the last byte stops them all.
 */
import { statfs } from 'node:fs/promises'

/** Kept free: a twentieth of the disk, and not more than a large one needs. */
const RESERVE_SHARE = 0.05
const RESERVE_BYTES_MAX = 2e9

interface DiskRoom {
  /** Bytes that a download may still take. */
  freeBytes: number
  reserveBytes: number
}

export async function diskRoom(folder: string): Promise<DiskRoom> {
  const { bavail, blocks, bsize } = await statfs(folder)
  const reserveBytes = Math.min(RESERVE_BYTES_MAX, blocks * bsize * RESERVE_SHARE)
  return { freeBytes: Math.max(0, bavail * bsize - reserveBytes), reserveBytes }
}

/** The reason and the remedy. */
export function noRoom(
  neededBytes: number | null,
  folder: string,
  { freeBytes, reserveBytes }: DiskRoom
): string {
  const needs = neededBytes === null ? '' : `it needs ${gigabytes(neededBytes)} more and `
  return (
    `${needs}${folder} has room for ${gigabytes(freeBytes)} (${gigabytes(reserveBytes)} stay free ` +
    'for everything else on that disk); make room, or set HAIF_HOME to a folder on a larger disk'
  )
}

const gigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(2))} GB`
