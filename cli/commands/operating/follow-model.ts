/** Shows how far a model is on the worker that was told to bring it, until it is there. */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ModelAction, ModelView } from '#shared/contracts/http/admin/models.ts'
import { viewModels } from '#shared/contracts/peers/operating.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { withGateways, type CommonOptions } from '../../ask/gateway-call.ts'
import { downloadText } from '../../screen/download-text.ts'
import { listenForEnd } from '../../screen/ending.ts'

const LOOK_MS = 500
/** Workers report each second: a look must not find what was before the order. */
const FIRST_LOOK_MS = 1500
const ANSWER_MS_MAX = 10_000

interface Followed {
  action: ModelAction
  model: string
  /** Key of the worker. */
  worker: string
}

/** Whether there is more to wait for, and what to show. Throws the reason of a failure. */
export function stageOf(
  { action, model, worker }: Followed,
  models: readonly ModelView[]
): { text: string; isDone: boolean } {
  const view = models.find(({ name }) => name === model)
  const holder = view?.workers.find((each) => each.worker === worker)
  if (holder === undefined) return { text: 'waiting for its report', isDone: false }
  const { state, phase = 'loading', progress = 0, download, error = 'it gave no reason' } = holder
  switch (state) {
    case 'failed':
      throw new HaifError('MODEL_LOAD_FAILED', `${model}: ${error}`)
    case 'ready':
      return { text: 'ready', isDone: true }
    case 'loadable':
      return { text: 'on its disk', isDone: action === 'fetch' }
    case 'loading': {
      if (phase === 'downloading' && download !== undefined) {
        return { text: downloadText(download), isDone: false }
      }
      const share = progress > 0 ? ` ${Math.floor(progress * 100)} %` : ''
      const what = phase === 'waitingForMemory' ? 'waiting for memory' : phase
      return { text: `${what}${share}`, isDone: false }
    }
  }
}

/** The line stands on stderr, so that what comes out can be piped. Ctrl-C stops looking only. */
export async function followModel(followed: Followed, options: CommonOptions): Promise<void> {
  using ending = listenForEnd()
  const pause = (ms: number) => sleep(ms, undefined, { signal: ending.signal }).catch(() => {})
  await withGateways(options, async ({ peers }) => {
    await pause(FIRST_LOOK_MS)
    for (;;) {
      using context = createContext({ timeoutMs: ANSWER_MS_MAX })
      const { models } = await peers.call(viewModels, {}, context)
      const { text, isDone } = stageOf(followed, models)
      process.stderr.write(`\r${text}\u001B[K`)
      if (isDone || ending.signal.aborted) break
      await pause(LOOK_MS)
    }
    process.stderr.write('\r\u001B[K')
  })
}
