/** Waits for a condition, never for a duration. */
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 5

export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 15_000
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > deadline)
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
