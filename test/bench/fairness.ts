/**
 * How long a tenant with a few requests waits behind one with hundreds. In times of one request.
 */
import type { TestContext } from 'node:test'
import { startMesh } from '../helpers/mesh/mesh.ts'
import { until } from '../helpers/until.ts'
import { mean } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'
import { inScope } from './scope.ts'
import { timedInfer } from './timed-infer.ts'

const LARGE = 500
const SMALL = 5
const SLOTS = [1, 8]
const TOKENS = 10
const FIRST_MAX = 2

export async function benchFairness({ quick }: BenchOptions): Promise<Report> {
  const tokensPerSecond = quick ? 400 : 200
  const found = []
  for (const slots of SLOTS) found.push(await inScope((t) => run(t, slots, tokensPerSecond)))
  const worst = Math.max(...found.map(({ first }) => first))
  return {
    title: 'Fairness',
    how: `One worker. A tenant sends ${LARGE} requests at once; when some have been answered, another sends ${SMALL}. The time to their first tokens, in times that one request takes alone.`,
    columns: ['slots', 'service ms', 'first of the small tenant', 'its last', 'mean of the large'],
    rows: found.map(({ slots, serviceMs, first, last, large }) => [
      String(slots),
      fixed(serviceMs, 1),
      fixed(first),
      fixed(last),
      fixed(large, 0)
    ]),
    bars: [
      {
        figure: `first token of a tenant with ${SMALL} requests behind ${LARGE} of another`,
        bar: `≤ ${FIRST_MAX} service times`,
        measured: fixed(worst),
        holds: worst <= FIRST_MAX
      }
    ]
  }
}

async function run(t: TestContext, slots: number, tokensPerSecond: number) {
  const mesh = await startMesh(t, {
    maxConcurrentPerCaller: LARGE * 2,
    workers: [{ slots, decodeTokensPerSecond: tokensPerSecond }]
  })
  const ask = (tenantId: string, i: number) =>
    timedInfer(mesh, { tenantId, prompt: `${tenantId} ${i}`, maxTokens: TOKENS })
  const alone = []
  for (let i = 0; i < 10; i++) alone.push((await ask('alone', i)).totalMs)
  const serviceMs = mean(alone)
  let answered = 0
  const large = Array.from({ length: LARGE }, async (_, i) => {
    const { firstTokenMs } = await ask('large', i)
    answered++
    return firstTokenMs
  })
  await until(() => answered >= slots * 3)
  const small = await Promise.all(Array.from({ length: SMALL }, (_, i) => ask('small', i)))
  const times = small.map(({ firstTokenMs }) => firstTokenMs / serviceMs)
  return {
    slots,
    serviceMs,
    first: Math.min(...times),
    last: Math.max(...times),
    large: mean(await Promise.all(large)) / serviceMs
  }
}
