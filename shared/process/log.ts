/** Logs are events with fields, one JSON line each on stderr; prompts and secrets never. */
import { pino, type Logger } from 'pino'
import { stderrLines } from './log-lines.ts'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** `level`: trace, debug, info, warn, error, fatal or silent. */
export function createLogger(level: string, name?: string): Logger {
  return pino(
    {
      level,
      base: name === undefined ? null : { name },
      timestamp: () => `,"time":"${timeOf(Date.now())}"`,
      formatters: { level: (label) => ({ level: label }), log: withFieldNames }
    },
    stderrLines()
  )
}

let second = NaN
let secondText = ''

/** Writes the time as `toISOString` does, which would take the whole date apart for each line. */
function timeOf(now: number): string {
  const ms = now % 1000
  if (now - ms !== second) {
    second = now - ms
    secondText = new Date(second).toISOString().slice(0, -4)
  }
  return `${secondText}${String(ms).padStart(3, '0')}Z`
}

/** Fields that logs share with traces and other systems are written as those write them. */
const FIELD_NAMES: Record<string, string> = { requestId: 'request_id', traceId: 'trace_id' }

function withFieldNames(event: Record<string, unknown>): Record<string, unknown> {
  if (event['requestId'] === undefined && event['traceId'] === undefined) return event
  return Object.fromEntries(
    Object.entries(event).map(([field, value]) => [FIELD_NAMES[field] ?? field, value])
  )
}

export const silentLogger = (): Logger => pino({ level: 'silent' })
