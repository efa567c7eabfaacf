/** Logs are events with fields, one JSON line each on stderr; prompts and secrets never. */
import { destination, pino, type Logger } from 'pino'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** `level`: trace, debug, info, warn, error, fatal or silent. */
export function createLogger(level: string, name?: string): Logger {
  return pino(
    {
      level,
      ...(name === undefined ? {} : { name }),
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) }
    },
    destination({ dest: 2, sync: true })
  )
}

export const silentLogger = (): Logger => pino({ level: 'silent' })
