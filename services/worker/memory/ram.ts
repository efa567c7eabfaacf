/** Memory of the machine, or of the container in it: whichever has less. */
import { freemem, totalmem } from 'node:os'
import process from 'node:process'

export const ramBytesTotal = (): number => (isLimited() ? process.constrainedMemory() : totalmem())

/** The smaller of two: the rest of a container's limit, and the free memory of its machine. */
export const ramBytesFree = (): number =>
  isLimited() ? Math.min(process.availableMemory(), freemem()) : process.availableMemory()

/** Without a limit Node reports 0, or a number beyond any machine. */
function isLimited(): boolean {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < totalmem()
}
