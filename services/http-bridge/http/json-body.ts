/** Reads a JSON body: UTF-8, not empty, and not nested so deep that later code could overflow. */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { HaifError } from '#shared/errors.ts'

export const BODY_BYTES_MAX = 1024 * 1024
const NESTING_MAX = 64

/** Other content types have no parser and get UNSUPPORTED_MEDIA_TYPE. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
    (_request, bytes, done) => {
      try {
        done(null, parseJson(bytes as Buffer))
      } catch (error) {
        done(error as Error)
      }
    }
  )
}

function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new HaifError('VALIDATION_FAILED', 'the body is empty')
  if (!isUtf8(bytes)) throw new HaifError('VALIDATION_FAILED', 'the body is not valid UTF-8')
  const value = parse(withoutMark(bytes.toString()))
  if (isDeeperThan(value, NESTING_MAX)) {
    const message = `the body is nested more than ${NESTING_MAX} levels deep`
    throw new HaifError('VALIDATION_FAILED', message)
  }
  return value
}

/** Some programs begin a file with a byte order mark. RFC 8259 lets a parser ignore it. */
const withoutMark = (text: string): string => (text.startsWith('\ufeff') ? text.slice(1) : text)

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser's own message quotes the body, and a prompt must not get into a log.
    const position = /at position (\d+)/.exec((error as Error).message)?.[1]
    const where = position === undefined ? '' : ` (at position ${position})`
    throw new HaifError('VALIDATION_FAILED', `the body is not valid JSON${where}`)
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1))
}
