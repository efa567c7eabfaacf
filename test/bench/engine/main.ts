/**
 * `npm run bench:engine [-- --only=concurrency,prefix] [--quick] [--large] [--gpu] [--json]`: the
 * engine over the library's own loop and over llama.cpp's own programs, on models of random
 * weights. Prints each table and writes it into docs/benchmarks.md; a quick run, or one with
 * `--json`, is only printed. `--large` adds a model of 1.1 B parameters; `--gpu` runs what can be
 * run on the machine's GPU. `--streams=1,16`, `--prompt=20,350` and `--vocabulary=32k` limit
 * `reference` to a part of its cases, which is only printed.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { toMarkdown, writePart, type BenchOptions, type BenchPart, type Report } from '../report.ts'
import { benchArrivals } from './arrivals.ts'
import { benchConcurrency } from './concurrency.ts'
import { benchLongPrompt } from './long-prompt.ts'
import type { BenchModel } from './models.ts'
import { benchPrefixHit } from './prefix-hit.ts'
import { benchReference } from './reference.ts'
import { benchResponsive } from './responsive.ts'
import { benchRestart } from './restart.ts'
import { benchServer } from './server.ts'

const Q8: BenchModel = { shape: '125M', quantization: 'Q8_0' }
const Q4: BenchModel = { shape: '125M', quantization: 'Q4_0' }
const LARGE: BenchModel = { shape: '1.1B', quantization: 'Q8_0' }

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    gpu: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    streams: { type: 'string' },
    prompt: { type: 'string' },
    vocabulary: { type: 'string' }
  }
})
const models = values.large ? [Q4, Q8, LARGE] : [Q4, Q8]

const numbers = (list: string) => list.split(',').map(Number)
const part: BenchPart = {
  ...(values.streams === undefined ? {} : { streams: numbers(values.streams) }),
  ...(values.prompt === undefined ? {} : { promptTokens: numbers(values.prompt) }),
  ...(values.vocabulary === undefined ? {} : { vocabulary: values.vocabulary })
}
const isWhole = !values.quick && !values.json && Object.keys(part).length === 0
const options: BenchOptions = { quick: values.quick, gpu: values.gpu, part }

const BENCHMARKS: Record<string, () => Promise<Report>> = {
  reference: () => benchReference(options),
  server: () => benchServer(Q8, options),
  concurrency: () => benchConcurrency(models, options),
  arrivals: () => benchArrivals(models, options),
  prefix: () => benchPrefixHit(Q8, options),
  'long-prompt': () => benchLongPrompt(Q8, options),
  restart: () => benchRestart(Q8, options),
  responsive: () => benchResponsive(Q8, options)
}

const wanted = values.only?.split(',') ?? Object.keys(BENCHMARKS)
const unknown = wanted.find((name) => BENCHMARKS[name] === undefined)
if (unknown !== undefined) {
  process.stderr.write(`--only: there is ${Object.keys(BENCHMARKS).join(', ')}, not ${unknown}\n`)
  process.exit(2)
}
for (const name of wanted) {
  process.stderr.write(`${name} …\n`)
  const report = await BENCHMARKS[name]!()
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `\n${toMarkdown(report)}\n`)
  const flags = `${values.large ? ' --large' : ''}${values.gpu ? ' --gpu' : ''}`
  const command = `npm run bench:engine -- --only=${name}${flags}`
  if (isWhole) writePart('bench:engine', name, command, report)
}
process.exit(0)
