/** Waits for `done`, but no longer than `ms`. Does not say which of the two came first. */
export async function within(ms: number, done: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
