/**
 * `npm run bench:weights [-- --quick]`: model files from worker to worker, over plain HTTP. Prints
 * the table and writes it into docs/benchmarks.md; a quick run is only printed.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { toMarkdown, writePart } from '../report.ts'
import { benchWeights } from './weights-bench.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const report = await benchWeights({ quick: values.quick })
process.stdout.write(`\n${toMarkdown(report)}\n`)
if (!values.quick) writePart('bench:weights', 'peers', 'npm run bench:weights', report)
process.exit(0)
