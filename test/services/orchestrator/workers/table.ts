/** A worker table without a network, for tests of the decisions made on it. */
import assert from 'node:assert/strict'
import type { WorkerModel, WorkerReport } from '#shared/contracts/peers/peers.ts'
import { createContext, type OwnedContext } from '#shared/rpc/context.ts'
import {
  Dispatcher,
  type QueuedRequest
} from '../../../../services/orchestrator/placement/dispatcher.ts'
import type { WorkerLink } from '../../../../services/orchestrator/workers/worker-link.ts'
import { WorkerTable } from '../../../../services/orchestrator/workers/worker-table.ts'

const MODEL = 'm'
const GOLDEN_RATIO = 0.618_034

export function modelReport(given: Partial<WorkerModel> = {}): WorkerModel {
  const idle = { running: 0, waiting: 0, prefillTokensPerSecond: 1000, decodeTokensPerSecond: 100 }
  return { name: MODEL, state: 'ready', engine: 'sim', slots: 1, ...idle, ...given }
}

/** A table, its dispatcher, and a clock that the test moves. */
export function startDispatcher(pins: ReadonlyMap<string, string> = new Map()) {
  const clock = { ms: 0 }
  const now = () => clock.ms
  let drawn = 0
  const random = () => (drawn = (drawn + GOLDEN_RATIO) % 1) // the same in each run, and well spread
  const table = new WorkerTable(random, now, pins)
  const dispatcher = new Dispatcher({ table, now })
  return {
    table,
    dispatcher,
    clock,
    /** Takes in a worker's report; returns its link. */
    report: (key: string, models: WorkerModel[], link = linkTo(key)): WorkerLink => {
      const report: WorkerReport = { models, draining: false }
      for (const name of table.update(link, report)) dispatcher.pump(name)
      return link
    }
  }
}

/** A connection over which nothing is asked unless `given` says how it is answered. */
export const linkTo = (key: string, given: Partial<WorkerLink> = {}): WorkerLink => ({
  peer: { key },
  rttMs: 1,
  path: 'direct' as const,
  lossPercent: 0,
  batches: () => assert.fail('no inference is expected'),
  call: () => assert.fail('no call is expected'),
  ...given
})

export function ask(
  tenant = 'a',
  placement: Partial<QueuedRequest['placement']> = {}
): QueuedRequest {
  return {
    model: MODEL,
    share: { tenant, weight: 1, priority: 'interactive' },
    affine: [],
    placement: { promptTokens: 10, exclude: new Set(), cachedTokens: () => 0, ...placement }
  }
}

/** A context that the test ends. */
export function longContext(t: { after(end: () => void): void }): OwnedContext {
  const context = createContext({ timeoutMs: 60_000 })
  t.after(() => context[Symbol.dispose]())
  return context
}
