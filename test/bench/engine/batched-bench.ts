/**
 * llama.cpp's own benchmark of a batch: what its decoding alone can do, with no sampling, no text
 * and nobody to send it to.
 */
import { execFileSync } from 'node:child_process'

interface BatchedBenchOptions {
  modelPath: string
  threads: number
  streams: number
  promptTokens: number
  answerTokens: number
  /** All layers are on a GPU. */
  gpu?: boolean
}

/** Tokens per second. */
export interface BatchedBenchRates {
  prefill: number
  decode: number
}

export function batchedBench(program: string, options: BatchedBenchOptions): BatchedBenchRates {
  const { modelPath, threads, streams, promptTokens, answerTokens, gpu = false } = options
  const flags = {
    '-m': modelPath,
    '-c': String(streams * contextFor(promptTokens + answerTokens)),
    '-t': String(threads),
    '-tb': String(threads),
    '-npp': String(promptTokens),
    '-ntg': String(answerTokens),
    '-npl': String(streams),
    '-ngl': gpu ? '99' : '0',
    '--output-format': 'jsonl'
  }
  const output = execFileSync(program, Object.entries(flags).flat(), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore']
  })
  const line = output.split('\n').find((each) => each.includes('"speed_tg"'))
  if (line === undefined) throw new Error(`${program} printed no speed_tg: ${output.slice(-500)}`)
  const { speed_pp: prefill, speed_tg: decode } = JSON.parse(line) as Record<string, number>
  return { prefill: prefill!, decode: decode! }
}

/** llama.cpp rounds the context of a sequence up to so many. */
const contextFor = (tokens: number): number => Math.ceil(tokens / 256) * 256
