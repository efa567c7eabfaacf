/** A logger that keeps what is logged at a level and above, for tests that count it. */
import { pino } from 'pino'
import type { Logger } from '#shared/process/log.ts'

type LogLine = Record<string, unknown>

export function recordingLogger(level = 'warn'): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const log = pino(
    { level, base: null },
    { write: (line: string) => lines.push(JSON.parse(line) as LogLine) }
  )
  return { log, lines }
}
