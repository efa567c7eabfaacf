/**
 * Begins the same work again when it takes long, and goes on with whichever is done first. A lost
 * packet or a stale address costs the wait for the next try and not the whole patience of the
 * first.
 */
interface Hedge {
  /** Wait before each further try. */
  afterMs: number
  triesMax: number
  /** The other tries would fail in the same way. */
  isFinal: (error: unknown) => boolean
}

/** `begin` gets a signal that is aborted when another try was faster, or all are over. */
export async function hedged<Result>(
  { afterMs, triesMax, isFinal }: Hedge,
  begin: (signal: AbortSignal) => Promise<Result>
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const running = new Set<AbortController>() // at most triesMax
  let timer: NodeJS.Timeout | undefined
  let begun = 0
  let firstError: unknown
  const tryOnce = async (): Promise<void> => {
    const own = new AbortController()
    running.add(own)
    try {
      resolve(await begin(own.signal))
      running.delete(own) // it has won
    } catch (error) {
      running.delete(own)
      firstError ??= error
      if (isFinal(error)) reject(error)
      else if (running.size === 0) reject(firstError)
    }
  }
  const next = (): void => {
    clearTimeout(timer)
    begun++
    if (begun < triesMax) timer = setTimeout(next, afterMs)
    void tryOnce()
  }
  next()
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    begun = triesMax
    for (const other of running) other.abort()
  }
}
