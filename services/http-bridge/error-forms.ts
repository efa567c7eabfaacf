/**
 * The form in which each API says what went wrong, also of addresses below it that do not exist.
 */
import type { FastifyRequest } from 'fastify'
import type { HaifError } from '#shared/errors.ts'
import { anthropicErrorBody, anthropicStatus } from './anthropic/error.ts'
import { errorBody, flatErrorBody, statusOf } from './http/errors.ts'
import { isVersioned } from './infer/request.ts'
import { ollamaErrorBody, ollamaStatus } from './ollama/error.ts'
import { openAiErrorBody, openAiStatus, RESPONSES_NAMES } from './openai/error.ts'

interface ErrorReply {
  status: number
  body: unknown
}

export function errorReply(error: HaifError, request: FastifyRequest): ErrorReply {
  const { url, headers, id } = request
  if (isAnthropic(url) || (isVendor(url) && headers['anthropic-version'] !== undefined)) {
    return { status: anthropicStatus(error), body: anthropicErrorBody(error, id) }
  }
  if (FLAT.test(url)) return { status: error.httpStatus, body: flatErrorBody(error, id) }
  if (OLLAMA.test(url)) return { status: ollamaStatus(error), body: ollamaErrorBody(error) }
  if (isVendor(url)) {
    const names = RESPONSES.test(url) ? RESPONSES_NAMES : {}
    return { status: openAiStatus(error), body: openAiErrorBody(error, names) }
  }
  return { status: statusOf(error, isVersioned(request.body)), body: errorBody(error, id) }
}

// Slashes may be doubled, as routes take them.
const ANTHROPIC = /^\/+v1\/+messages(\/|\?|$)/
const OLLAMA = /^\/+api(\/|\?|$)/
/** Jobs and what belongs to them answer as SPLAI and DAEF do. */
const FLAT = /^\/+v1\/+(jobs|planner|scheduler|workers|tasks|admin\/+queue)(\/|\?|$)/
const RESPONSES = /^\/+v1\/+responses/
/** What is ours below `/v1/` answers in our own form. */
const VENDORS =
  /^\/+v1\/+(?!\/*(admin|usage|objects|libraries|runs|call|machines|environments|secrets)(\/|\?|$))/

const isAnthropic = (url: string): boolean => ANTHROPIC.test(url)
const isVendor = (url: string): boolean => VENDORS.test(url)
