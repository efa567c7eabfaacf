/**
 * Endpoints of OpenAI's API that no engine here can serve. They are refused by name, whatever their
 * body is, so that a client says what is missing and not that the address is wrong.
 */
import type { FastifyInstance } from 'fastify'
import { HaifError } from '#shared/errors.ts'

const ELSEWHERE = 'ask a server that has such models at its own address'
const AUDIO = `the models of this mesh read and write text, and no audio: ${ELSEWHERE}`
const IMAGES = `the models of this mesh read and write text, and no images: ${ELSEWHERE}`

const NOT_OFFERED: Readonly<Record<string, string>> = {
  '/v1/audio/speech': AUDIO,
  '/v1/audio/transcriptions': AUDIO,
  '/v1/audio/translations': AUDIO,
  '/v1/images/generations': IMAGES,
  '/v1/images/edits': IMAGES,
  '/v1/images/variations': IMAGES,
  '/v1/moderations': 'HAIF has no moderation: ask a model whether a text is acceptable'
}

export function notOfferedRoutes(app: FastifyInstance): void {
  for (const [url, why] of Object.entries(NOT_OFFERED)) {
    const refuse = async (): Promise<never> => {
      throw new HaifError('UNSUPPORTED_PARAMETER', `${url} is not supported: ${why}`)
    }
    // Before its body is read, which may be of any type.
    app.post(url, { schema: { hide: true }, onRequest: refuse }, refuse)
  }
}
