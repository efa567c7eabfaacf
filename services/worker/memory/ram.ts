/** Memory of the machine, or of the container in it: whichever has less. */
import { freemem, totalmem } from 'node:os'
import process from 'node:process'

export const ramBytesTotal = (): number => (isLimited() ? process.constrainedMemory() : totalmem())

/** What is left of a container's limit may be more than its machine has free. */
export const ramBytesFree = (): number =>
  isLimited() ? Math.min(process.availableMemory(), freemem()) : process.availableMemory()

/** Where there is no limit, 0 is told, or one beyond any machine. */
function isLimited(): boolean {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < totalmem()
}
