/** HAIF's engine as the worker uses it: this process holds the requests, a child the model. */
import {
  createLlamaEngine,
  type LlamaEngine,
  type LlamaEngineOptions
} from '../../../services/worker/engines/llama/parent/llama-engine.ts'
import type { Ask, Run, Subject, TokenTimes } from './streams.ts'

export interface HaifSubject extends Subject {
  readonly engine: LlamaEngine
  /** Chosen by the engine when it loaded the model. */
  readonly threads: number
  /** Of the process that holds the model now. */
  pid(): number
  /** One answer; each token's time is added to `times` as it comes. */
  ask(ask: Ask, times: TokenTimes, startedAt: number, signal?: AbortSignal): Promise<void>
}

export async function startHaif({
  gpu = false,
  ...options
}: Pick<LlamaEngineOptions, 'modelPath' | 'slots' | 'contextTokens'> & {
  gpu?: boolean
}): Promise<HaifSubject> {
  let threads = 0
  let pid = 0
  const engine = createLlamaEngine({
    ...options,
    name: 'bench',
    gpu: gpu ? 'auto' : false,
    onEvent: (event) => {
      if (event.kind === 'loading') ({ pid } = event)
      if (event.kind === 'ready') ({ threads } = event.model)
    }
  })
  await engine.load()
  const ask: HaifSubject['ask'] = (each, times, startedAt, signal) =>
    generate(engine, each, times, startedAt, signal)
  return {
    engine,
    threads,
    pid: () => pid,
    ask,
    run: (asks) => run(asks, ask),
    close: () => engine.close()
  }
}

async function run(asks: readonly Ask[], ask: HaifSubject['ask']): Promise<Run> {
  const startedAt = performance.now()
  const answers: TokenTimes[] = asks.map(() => [])
  await Promise.all(asks.map((each, i) => ask(each, answers[i]!, startedAt)))
  return { ms: performance.now() - startedAt, answers }
}

async function generate(
  engine: LlamaEngine,
  { prompt, maxTokens }: Ask,
  times: TokenTimes,
  startedAt: number,
  signal = new AbortController().signal
): Promise<void> {
  const request = {
    input: { mode: 'tokens' as const, tokenIds: prompt },
    maxTokens,
    sampling: { temperature: 0 }
  }
  for await (const { tokenIds } of engine.generate(request, signal)) {
    const at = performance.now() - startedAt
    times.push(...tokenIds.map(() => at))
  }
}
