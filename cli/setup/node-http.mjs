/**
 * Stands for `node:http`. To import that by name reads each of its exports, and the one of
 * WebSocket loads all of fetch, HTTP/2 and TLS: half of the start of a small command.
 */
import process from 'node:process'

const http = process.getBuiltinModule('node:http')

export default http
const {
  Agent,
  ClientRequest,
  IncomingMessage,
  METHODS,
  OutgoingMessage,
  STATUS_CODES,
  Server,
  ServerResponse,
  createServer,
  get,
  globalAgent,
  maxHeaderSize,
  request,
  validateHeaderName,
  validateHeaderValue
} = http
export {
  Agent,
  ClientRequest,
  IncomingMessage,
  METHODS,
  OutgoingMessage,
  STATUS_CODES,
  Server,
  ServerResponse,
  createServer,
  get,
  globalAgent,
  maxHeaderSize,
  request,
  validateHeaderName,
  validateHeaderValue
}
