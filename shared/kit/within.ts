/** Waits for something, but no longer than this. */
export async function within(ms: number, done: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
