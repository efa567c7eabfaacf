/**
 * Stands in for the context of a test, so that benchmarks use the same helpers: ends what was
 * started.
 */
import type { TestContext } from 'node:test'

export async function inScope<Result>(work: (t: TestContext) => Promise<Result>): Promise<Result> {
  const endings: (() => unknown)[] = []
  const scope = { after: (ending: () => unknown) => void endings.push(ending) }
  try {
    return await work(scope as unknown as TestContext) // the helpers use nothing else of it
  } finally {
    for (const ending of endings.toReversed()) await ending()
  }
}
