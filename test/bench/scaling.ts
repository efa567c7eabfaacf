/**
 * What N equal workers answer together, over what one does. Their rate is given, so that cores do
 * not matter.
 */
import { Deployment } from '../helpers/mesh/deployment.ts'
import { seededRandom } from '../helpers/random.ts'
import { countTokenEvents, keepBusy, LoadClient } from './load.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

const WORKERS = [1, 2, 4, 8]
const SLOTS = 4
const TOKENS_PER_SECOND = 50
const RATIO_MIN = 0.95
/** More than there are slots: the queue is never empty. */
const STREAMS_PER_SLOT = 2
/** Different lengths, so that answers do not end in waves. */
const TOKENS = { from: 10, to: 60 }
const WARM_UP_MS = 2000

export async function benchScaling({ quick }: BenchOptions): Promise<Report> {
  const seconds = quick ? 5 : 20
  const rates: number[] = []
  for (const workers of WORKERS) rates.push(await throughput(workers, seconds))
  const one = rates[0]!
  const ratios = rates.map((rate, i) => rate / (one * WORKERS[i]!))
  const worst = Math.min(...ratios)
  return {
    title: 'Scaling',
    how: `Simulated workers in processes of their own, ${SLOTS} slots of ${TOKENS_PER_SECOND} tokens/s each, ${STREAMS_PER_SLOT} streams for each slot, ${seconds} s.`,
    columns: ['workers', 'tokens/s', 'of what the slots can do', 'over N × one'],
    rows: WORKERS.map((workers, i) => [
      String(workers),
      fixed(rates[i]!, 0),
      fixed(rates[i]! / (workers * SLOTS * TOKENS_PER_SECOND), 3),
      fixed(ratios[i]!, 3)
    ]),
    bars: [
      {
        figure: 'N equal workers over N × one, N ≤ 8',
        bar: `≥ ${RATIO_MIN}`,
        measured: fixed(worst, 3),
        holds: worst >= RATIO_MIN
      }
    ]
  }
}

async function throughput(workers: number, forSeconds: number): Promise<number> {
  const model = `sim?slots=${SLOTS}&decode=${TOKENS_PER_SECOND}&prefill=inf&kv=inf`
  await using deployment = await Deployment.start(Array.from({ length: workers }, () => model))
  const streams = workers * SLOTS * STREAMS_PER_SLOT
  using client = new LoadClient(deployment.url, streams)
  const random = seededRandom(workers)
  const from = performance.now() + WARM_UP_MS
  const to = from + forSeconds * 1000
  let tokens = 0
  // A while longer than is counted, so that the end of the load is not part of it.
  await keepBusy(streams, (WARM_UP_MS * 1.5) / 1000 + forSeconds, async (index) => {
    const wanted = random.between(TOKENS.from, TOKENS.to)
    const startedAt = performance.now()
    const streamed = await client.stream({
      prompt: `${index}`,
      mode: 'direct',
      max_tokens: wanted
    })
    if (countTokenEvents(streamed) === null) throw new Error(`not answered: ${streamed.text}`)
    const writing = [startedAt + streamed.firstTokenMs, startedAt + streamed.totalMs] as const
    tokens += wanted * partWithin(writing, [from, to])
  })
  return tokens / forSeconds
}

type Span = readonly [from: number, to: number]

/**
 * Of the tokens of an answer that was written in the one span, the part that falls into the other.
 */
const partWithin = ([from, to]: Span, [start, end]: Span): number =>
  Math.max(0, Math.min(to, end) - Math.max(from, start)) / (to - from)
