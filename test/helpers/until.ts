/** Tests wait for a condition, never for a duration. */
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from './deadline.ts'

const POLL_MS = 5

/** The bound is for a quiet machine; a test waits longer while others use the cores. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  quietMs = 15_000
): Promise<void> {
  const begin = performance.now()
  while (!(await condition())) {
    const withinMs = patience(quietMs)
    if (performance.now() - begin > withinMs)
      throw new Error(`not within ${withinMs} ms: ${condition.toString()}`)
    await sleep(POLL_MS)
  }
}

/** Waits until a number has stood still for a while: what is to stop on its own tells nobody. */
export async function settled(read: () => number): Promise<number> {
  for (let before = -1; before !== read();) {
    before = read()
    await sleep(300)
  }
  return read()
}
