/**
 * `npm run bench:mesh [-- --only=placement,fairness] [--quick]`: what the mesh costs and what it
 * gives. Prints each table and writes it into docs/benchmarks.md; a quick run is only printed.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { benchAccess } from './access.ts'
import { benchFailover } from './failover.ts'
import { benchFairness } from './fairness.ts'
import { benchEngine } from './engine.ts'
import { benchPath } from './path.ts'
import { benchPlacement } from './placement.ts'
import { benchPrefix } from './prefix.ts'
import { benchTelemetry } from './telemetry.ts'
import { benchScaling } from './scaling.ts'
import { toMarkdown, writePart } from './report.ts'

const BENCHMARKS = {
  path: benchPath,
  engine: benchEngine,
  placement: benchPlacement,
  scaling: benchScaling,
  prefix: benchPrefix,
  fairness: benchFairness,
  failover: benchFailover,
  access: benchAccess,
  telemetry: benchTelemetry
} as const

const { values } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } }
})
const wanted = values.only?.split(',') ?? Object.keys(BENCHMARKS)
for (const [name, bench] of Object.entries(BENCHMARKS)) {
  if (!wanted.includes(name)) continue
  process.stderr.write(`${name} …\n`)
  const report = await bench({ quick: values.quick })
  process.stdout.write(`\n${toMarkdown(report)}\n`)
  const command = `npm run bench:mesh -- --only=${name}`
  if (!values.quick) writePart('bench:mesh', name, command, report)
}
process.exit(0)
