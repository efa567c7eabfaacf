/**
 * `npm run bench:engine [-- --only=concurrency,prefix] [--quick] [--large]`: the llama engine over
 * the library's own loop, on models of random weights. Prints each table and writes it into
 * docs/benchmarks.md; a quick run is only printed. `--large` adds a model of 1.1 B parameters.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { toMarkdown, writePart, type BenchOptions, type Report } from '../report.ts'
import { benchArrivals } from './arrivals.ts'
import { benchConcurrency } from './concurrency.ts'
import { benchLongPrompt } from './long-prompt.ts'
import type { BenchModel } from './models.ts'
import { benchPrefixHit } from './prefix-hit.ts'
import { benchResponsive } from './responsive.ts'
import { benchRestart } from './restart.ts'

const Q8: BenchModel = { shape: '125M', quantization: 'Q8_0' }
const Q4: BenchModel = { shape: '125M', quantization: 'Q4_0' }
const LARGE: BenchModel = { shape: '1.1B', quantization: 'Q8_0' }

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false }
  }
})
const models = values.large ? [Q4, Q8, LARGE] : [Q4, Q8]

const BENCHMARKS: Record<string, (options: BenchOptions) => Promise<Report>> = {
  concurrency: (options) => benchConcurrency(models, options),
  arrivals: (options) => benchArrivals(models, options),
  prefix: (options) => benchPrefixHit(Q8, options),
  'long-prompt': (options) => benchLongPrompt(Q8, options),
  restart: (options) => benchRestart(Q8, options),
  responsive: (options) => benchResponsive(Q8, options)
}

const wanted = values.only?.split(',') ?? Object.keys(BENCHMARKS)
const unknown = wanted.find((name) => BENCHMARKS[name] === undefined)
if (unknown !== undefined) {
  process.stderr.write(`--only: there is ${Object.keys(BENCHMARKS).join(', ')}, not ${unknown}\n`)
  process.exit(2)
}
for (const name of wanted) {
  process.stderr.write(`${name} …\n`)
  const report = await BENCHMARKS[name]!({ quick: values.quick })
  process.stdout.write(`\n${toMarkdown(report)}\n`)
  const flags = values.large ? ' --large' : ''
  const command = `npm run bench:engine -- --only=${name}${flags}`
  if (!values.quick) writePart('bench:engine', name, command, report)
}
process.exit(0)
