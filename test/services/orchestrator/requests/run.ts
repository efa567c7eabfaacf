/**
 * A request without a network: workers that say what a test lets them say, by a clock that it
 * turns.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { TestContext } from 'node:test'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { AttemptRequest } from '#shared/contracts/inference/request.ts'
import { silentLogger } from '#shared/process/log.ts'
import { takeAttempts } from '#shared/inference/told-attempts.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch, itemByItem } from '#shared/rpc/items.ts'
import { AttemptCounts } from '../../../../services/orchestrator/orchestrator-metrics.ts'
import { RequestRun } from '../../../../services/orchestrator/requests/request-run.ts'
import type { WorkerLink } from '../../../../services/orchestrator/workers/worker-link.ts'
import { requestOf, type FlatRequest } from '../../../helpers/requests.ts'
import { ask, linkTo, longContext, modelReport, startDispatcher } from '../workers/table.ts'

type Said = InferenceItem | InferenceEnd | Error

class FakeWorker {
  /** Requests that have come, and whether each of them is over here. */
  readonly served: { request: AttemptRequest; isOver: boolean }[] = []
  readonly #said: Said[] = []
  #wake: () => void = () => {}

  say(...said: Said[]): void {
    this.#said.push(...said)
    this.#wake()
  }

  linkAs(key: string): WorkerLink {
    return linkTo(key, {
      batches: (_contract, request, context) => this.#batches(request, context)
    })
  }

  async *#batches(
    request: AttemptRequest,
    context: RequestContext
  ): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
    const served = { request, isOver: false }
    this.served.push(served)
    const stopListening = context.onAbort(() => this.#wake())
    try {
      for (;;) {
        context.signal.throwIfAborted()
        const said = this.#said.shift()
        if (said instanceof Error) throw said
        if (said === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
        else if ('finishReason' in said) return said
        else yield ItemBatch.of(itemCodec, [said])
      }
    } finally {
      served.isOver = true
      stopListening()
    }
  }
}

export const item = (seq: number): InferenceItem => ({ seq, tokenIds: [seq], text: `${seq} ` })
export const loading = (): InferenceItem => ({
  seq: 0,
  tokenIds: [],
  text: '',
  queued: { ahead: 0, waitMs: 1 }
})
export const END: InferenceEnd = {
  finishReason: 'length',
  usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 0 },
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
  model: 'm',
  provider: 'sim'
}

interface RunSetup {
  returnMs?: number
  assertUp?: () => void
  request?: FlatRequest
  /** Of the first worker. */
  model?: Partial<WorkerModel>
  /** What the request sees of its context. */
  seen?: (context: RequestContext) => RequestContext
}

/**
 * A request, once `report` has told of workers; it is placed on the first one that may serve it.
 */
export async function startRun(t: TestContext, setup: RunSetup = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const mesh = startDispatcher()
  const [a, b] = [new FakeWorker(), new FakeWorker()]
  mesh.report('a', [modelReport(setup.model)], a.linkAs('a'))
  // Made after the timers are mocked, or else its own would be a real one that nothing clears.
  const context = longContext(t)
  const { answer, items } = runOn(mesh, setup.seen?.(context) ?? context, setup)
  await turn()
  return {
    ...mesh,
    context,
    a,
    b,
    answer,
    items,
    addB: (given: Partial<WorkerModel> = {}) =>
      mesh.report('b', [modelReport(given)], b.linkAs('b')),
    /** A worker, with a context of so many tokens; one that does not say how long it is. */
    add: (key: string, contextTokens?: number) => {
      const worker = new FakeWorker()
      const context = contextTokens === undefined ? {} : { contextTokens }
      mesh.report(key, [modelReport(context)], worker.linkAs(key))
      return worker
    },
    /** The attempts stay silent for so long. */
    pass: async (ms: number) => {
      mesh.clock.ms += ms
      t.mock.timers.tick(ms)
      await turn()
    }
  }
}

/** Runs a request and reads its answer; `leaveAfter` items the caller leaves. */
export function runOn(
  mesh: Pick<ReturnType<typeof startDispatcher>, 'dispatcher' | 'clock'>,
  context: RequestContext,
  given: RunSetup & { leaveAfter?: number }
) {
  const { assertUp = () => {}, request = {}, leaveAfter = Infinity, returnMs = 0 } = given
  const requestRun = new RequestRun(
    {
      returnMs,
      dispatcher: mesh.dispatcher,
      counts: new AttemptCounts(),
      log: silentLogger(),
      now: () => mesh.clock.ms,
      onBegun: () => {},
      assertUp,
      runs: new Set()
    },
    requestOf({ model: 'm', prompt: 'p', maxTokens: 8, explain: true, ...request }),
    context,
    { ...ask(), explain: true }
  )
  const items: InferenceItem[] = []
  const read = async () => {
    const run = itemByItem(requestRun.run())
    while (items.length < leaveAfter) {
      const { done, value } = await run.next()
      if (done === true) return { text: textOf(items), end: value }
      items.push(value)
    }
    await run.return(END)
    return { text: textOf(items), end: null }
  }
  // As a gateway passes it on: what is told of the attempts is for the books.
  const answer = read().catch((error: unknown) =>
    Promise.reject(takeAttempts(error).error as Error)
  )
  answer.catch(() => {}) // the test looks at it later
  return { answer, items }
}

const textOf = (items: readonly InferenceItem[]): string => items.map(({ text }) => text).join('')
