/** Answers bytes that are not HTTP: no request exists, so the reply goes to the socket itself. */
import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { HaifError } from '#shared/errors.ts'
import { errorBody } from './errors.ts'

const STATUS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408
}

export function onClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy() // nobody is left to read a reply
    return
  }
  const status = STATUS[error.code ?? ''] ?? 400
  const requestId = randomUUID()
  const failure = new HaifError('VALIDATION_FAILED', sentences[status] ?? 'this is not HTTP')
  const body = JSON.stringify(errorBody(failure, requestId))
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${requestId}`,
      'connection: close',
      '',
      body
    ].join('\r\n')
  )
}

const sentences: Record<number, string> = {
  408: 'the request was not received in time',
  431: 'the headers of the request are too large'
}
