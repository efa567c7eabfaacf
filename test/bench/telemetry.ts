/**
 * `node test/bench/telemetry.ts`: what telemetry costs, as CPU time for each request of a whole mesh with
 * it over one without, in turns so that a busy machine meets both alike. The engine costs nothing here, so
 * this is the most that it can be.
 */
import { ask } from '../compose/load.ts'
import { Deployment } from '../helpers/deployment.ts'

const ROUNDS = 6
const REQUESTS = 1500
const AT_ONCE = 16
const BODY = { prompt: 'hello', max_tokens: 32 }
const MODEL = 'sim:sim?decode=inf&prefill=inf&slots=16&answer=32'

async function cpuPerRequest(mesh: Deployment): Promise<number> {
  const cpu = () => mesh.services.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const before = cpu()
  let left = REQUESTS
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await ask(mesh.url, BODY)
    })
  )
  return (cpu() - before) / REQUESTS
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

await using measured = await Deployment.start([MODEL])
await using plain = await Deployment.start([MODEL], {
  OTEL_SDK_DISABLED: 'true'
})
const costs = { measured: [] as number[], plain: [] as number[] }
for (let round = 0; round <= ROUNDS; round++) {
  const a = await cpuPerRequest(measured)
  const b = await cpuPerRequest(plain)
  if (round === 0) continue // both are warm after it
  costs.measured.push(a)
  costs.plain.push(b)
}
const [a, b] = [median(costs.measured), median(costs.plain)]
const us = (seconds: number) => `${Math.round(seconds * 1e6)} µs`
console.log(
  `CPU for a request: ${us(a)} with telemetry, ${us(b)} without, ratio ${(a / b).toFixed(3)}`
)
