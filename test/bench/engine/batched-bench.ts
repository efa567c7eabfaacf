/** llama.cpp's own benchmark of a batch, when `LLAMA_BATCHED_BENCH` names the program. */
import { execFileSync } from 'node:child_process'

interface BatchedBenchOptions {
  modelPath: string
  threads: number
  streams: number
  promptTokens: number
  answerTokens: number
}

/** Tokens per second that it decodes; null without the program. */
export function batchedBench(options: BatchedBenchOptions): number | null {
  const program = process.env['LLAMA_BATCHED_BENCH']
  if (program === undefined || program === '') return null
  const { modelPath, threads, streams, promptTokens, answerTokens } = options
  const flags = {
    '-m': modelPath,
    '-c': String(streams * 512),
    '-t': String(threads),
    '-npp': String(promptTokens),
    '-ntg': String(answerTokens),
    '-npl': String(streams),
    '--output-format': 'jsonl'
  }
  const output = execFileSync(program, Object.entries(flags).flat(), { encoding: 'utf8' })
  const line = output.split('\n').find((each) => each.includes('"speed_tg"'))
  if (line === undefined) throw new Error(`${program} printed no speed_tg: ${output.slice(-500)}`)
  return (JSON.parse(line) as { speed_tg: number }).speed_tg
}
