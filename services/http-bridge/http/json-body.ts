/** Reads a JSON body: UTF-8, not empty, and not nested so deep that later code could overflow. */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { HaifError } from '#shared/errors.ts'
import { BodyBytes } from './body-bytes.ts'
import { unpack } from './packed-body.ts'

const NESTING_MAX = 64

/** `whoSends` resolves with whether the caller's body may be large; see `body-bytes.ts`. */
export function acceptJsonOnly(
  app: FastifyInstance,
  whoSends: (request: FastifyRequest) => Promise<boolean>
): void {
  const bytes = new BodyBytes()
  const read = async (request: FastifyRequest, body: Readable): Promise<unknown> => {
    const { 'content-encoding': encoding, 'content-length': told } = request.headers
    using unpacked = unpack(body, encoding)
    // What the client says is the size of the packed body.
    const { packing } = unpacked
    const length = told === undefined || packing !== null ? undefined : Number(told)
    const reading = bytes.read(unpacked.body, length, () => whoSends(request))
    return parseJson(await (packing === null ? reading : reading.catch(notPacked(packing))))
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', read)
  app.addContentTypeParser('*', async (request: FastifyRequest, body: Readable) => {
    if (request.is404) return undefined
    if (isPlainRequest(request)) return read(request, body)
    throw new HaifError(
      'UNSUPPORTED_MEDIA_TYPE',
      "the body must be JSON; add the header 'content-type: application/json'"
    )
  })
}

/**
 * A body without a type is JSON, since nothing else is taken here; so is what `curl -d` calls a
 * form, at the addresses that people know from Ollama. A browser could send both for any page,
 * without asking first, so there the type has to be said.
 */
function isPlainRequest({ headers, url }: FastifyRequest): boolean {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return false
  const type = headers['content-type']
  return type === undefined || (FORM.test(type) && OLLAMA.test(url))
}

const FORM = /^application\/x-www-form-urlencoded\b/i
const OLLAMA = /^\/+api\//

/** The library's own errors tell a client nothing. */
const notPacked = (packing: string) => (error: unknown) => {
  if (error instanceof HaifError) throw error
  throw new HaifError('VALIDATION_FAILED', `the body is not valid ${packing}`, { cause: error })
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
