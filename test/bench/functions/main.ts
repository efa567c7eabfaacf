/**
 * `npm run bench:functions [-- --quick]`: what a call of a function costs. Prints the table and
 * writes it into docs/benchmarks.md; a quick run is only printed.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { toMarkdown, writePart } from '../report.ts'
import { benchCalls } from './functions-bench.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const report = await benchCalls({ quick: values.quick })
process.stdout.write(`\n${toMarkdown(report)}\n`)
if (!values.quick) writePart('bench:functions', 'calls', 'npm run bench:functions', report)
process.exit(0)
