/** Several answers at the same time from something that makes tokens, and when each token came. */
import { percentile } from '../percentiles.ts'

/** The tokens of one answer, in milliseconds after it was asked for. */
export type TokenTimes = number[]

export interface Ask {
  prompt: number[]
  maxTokens: number
}

/** What is measured: HAIF's engine, or the library's own loop. */
export interface Subject {
  /** All at once, on at most `slots` of them at a time. */
  run(asks: readonly Ask[]): Promise<Run>
  close(): Promise<void>
}

export interface Run {
  /** From the first question to the last token. */
  ms: number
  answers: TokenTimes[]
}

export const tokensPerSecond = ({ ms, answers }: Run): number =>
  (answers.reduce((sum, times) => sum + times.length, 0) / ms) * 1000

/** Counts only while all answers are written: from the last one's begin to the first one's end. */
export function steadyTokensPerSecond({ answers }: Run): number {
  const from = Math.max(...answers.map((times) => times[0]!))
  const to = Math.min(...answers.map((times) => times.at(-1)!))
  const tokens = answers.flat().filter((at) => at > from && at <= to).length
  return to > from ? (tokens / (to - from)) * 1000 : NaN
}

export const firstTokenMs = ({ answers }: Run): number[] => answers.map((times) => times[0] ?? NaN)

/** Between two tokens of one answer. */
export const gapsMs = ({ answers }: Run): number[] =>
  answers.flatMap((times) => times.slice(1).map((at, i) => at - times[i]!))

export const p50 = (values: readonly number[]): number => percentile(values, 0.5)
export const p95 = (values: readonly number[]): number => percentile(values, 0.95)
