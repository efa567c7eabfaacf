/**
 * Stands in for the context of a test, so that benchmarks use the same helpers: ends what was
 * started.
 */
import { once } from 'node:events'
import process from 'node:process'
import type { TestContext } from 'node:test'

/** `interrupted`: the work is left where it is, and what it has started is ended. */
export async function inScope<Result>(
  work: (t: TestContext) => Promise<Result>,
  interrupted?: AbortSignal
): Promise<Result> {
  const endings: (() => unknown)[] = []
  const scope = { after: (ending: () => unknown) => void endings.push(ending) }
  const working = work(scope as unknown as TestContext) // the helpers use nothing else of it
  try {
    if (interrupted === undefined) return await working
    return await Promise.race([working, rejectWhen(interrupted)])
  } finally {
    if (interrupted?.aborted === true) process.on('unhandledRejection', () => {}) // of what it left
    for (const ending of endings.toReversed()) await ending()
  }
}

async function rejectWhen(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort')
  throw signal.reason
}
