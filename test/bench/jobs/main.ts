/**
 * `npm run bench:jobs [-- --only=latency,rate,waiting] [--quick]`: what jobs cost. Prints each
 * table and writes it into docs/benchmarks.md; a quick run is only printed.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { testPostgres } from '../../helpers/stores/postgres.ts'
import { toMarkdown, writePart } from '../report.ts'
import { benchLatency, benchRate, benchWaiting } from './jobs-bench.ts'

const BENCHMARKS = { latency: benchLatency, rate: benchRate, waiting: benchWaiting } as const

const { values } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } }
})
const wanted = values.only?.split(',') ?? Object.keys(BENCHMARKS)
for (const [name, bench] of Object.entries(BENCHMARKS)) {
  if (!wanted.includes(name)) continue
  process.stderr.write(`${name} …\n`)
  const report = await bench({ quick: values.quick })
  process.stdout.write(`\n${toMarkdown(report)}\n`)
  const command = `npm run bench:jobs -- --only=${name}`
  if (!values.quick) writePart('bench:jobs', name, command, report)
}
await (await testPostgres()).end() // without the test runner nothing else ends it
process.exit(0)
