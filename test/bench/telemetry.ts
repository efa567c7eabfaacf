/**
 * What telemetry costs: CPU time for each request of a whole mesh with it over one without, in
 * turns, so that a busy machine meets both alike. The engine costs nothing here, so this is the
 * most that it can be.
 */
import { ask } from '../compose/load.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { median } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

const REQUESTS = 1500
const AT_ONCE = 16
const BODY = { prompt: 'hello', max_tokens: 32 }
const MODEL = 'sim:sim?decode=inf&prefill=inf&slots=16&answer=32'
const RATIO_MAX = 1.05

export async function benchTelemetry({ quick }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 8
  await using measured = await Deployment.start([MODEL])
  await using plain = await Deployment.start([MODEL], { OTEL_SDK_DISABLED: 'true' })
  const costs = { measured: [] as number[], plain: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    const a = await cpuMicroseconds(measured)
    const b = await cpuMicroseconds(plain)
    if (round === 0) continue // both are warm after it
    costs.measured.push(a)
    costs.plain.push(b)
  }
  const [a, b] = [median(costs.measured), median(costs.plain)]
  const ratio = a / b
  return {
    title: 'Telemetry',
    how: `CPU of all services for an answer of 32 tokens from an engine at no cost, ${AT_ONCE} streams; ${rounds} rounds of ${REQUESTS} requests in turns, medians.`,
    columns: ['with µs', 'without µs', 'ratio'],
    rows: [[fixed(a, 0), fixed(b, 0), fixed(ratio, 3)]],
    bars: [
      {
        figure: 'CPU for a request with telemetry over without',
        bar: `≤ ${RATIO_MAX}`,
        measured: fixed(ratio, 3),
        holds: ratio <= RATIO_MAX
      }
    ]
  }
}

async function cpuMicroseconds(mesh: Deployment): Promise<number> {
  const cpu = () => mesh.services.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const before = cpu()
  let left = REQUESTS
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await ask(mesh.url, BODY)
    })
  )
  return ((cpu() - before) / REQUESTS) * 1e6
}
