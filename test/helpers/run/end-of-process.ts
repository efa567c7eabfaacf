/**
 * What all test files of one process share, as a server of Postgres, ends with the process and not
 * with the file that asked first. `after` belongs to whatever imports this module first: the file
 * itself where it runs alone, and the root of a group, which imports it before any of its files.
 */
import { after } from 'node:test'

const ends: (() => Promise<void>)[] = []

after(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

export function atEndOfProcess(end: () => Promise<void>): void {
  ends.push(end)
}

/** How many things of this process are meant to stay when a file has ended. */
export const keptOpen = (): number => ends.length
