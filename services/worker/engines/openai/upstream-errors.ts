/**
 * Translates the refusals of OpenAI-compatible servers into our codes. The servers agree on the
 * status and not on the words: vLLM, SGLang, llama-server, Ollama and OpenAI each have their own
 * way to say that a prompt is too long.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError, type ErrorOptions } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { httpTrouble } from '#shared/trouble/http.ts'
import type { Trouble } from '#shared/trouble/trouble.ts'
import { unsupported } from '../errors.ts'

/** The server is gone, or does not accept our key: the next request would fail as well. */
export class ServerGone extends HaifError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('ENGINE_FAILED', message, options)
  }
}

/** The server wants another key than ours. */
export class KeyRefused extends ServerGone {}

/** The server, or a proxy before it, is there and fails: it may be starting. */
export class ServerFailing extends HaifError {
  constructor(message: string) {
    super('ENGINE_FAILED', message)
  }
}

/** What answers there is no API of OpenAI's kind, or not at that path. */
export class NoApi extends HaifError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('ENGINE_FAILED', message, options)
  }
}

/** The server did not answer in time, and may only be busy. */
export class ServerLate extends ServerGone {}

interface UpstreamRefusal {
  /** The server's name in messages. */
  name: string
  keyFile: string | undefined
  status: number
  body: string
  headers: IncomingHttpHeaders
}

export function errorOfStatus({
  name,
  keyFile,
  status,
  body,
  headers
}: UpstreamRefusal): HaifError {
  const said = readError(body)
  const words = said.message === '' ? `HTTP ${status}` : said.message
  const trouble = httpTrouble(status)
  if (trouble?.kind === 'bad input') {
    return isTooLong(said) || status === 413 ? tooLong(said) : notTaken(said, words)
  }
  if (trouble?.isBusy === true) {
    return new HaifError('WORKER_OVERLOADED', `${name} takes no more now: ${words}`, {
      retryAfterMs: readRetryAfterMs(headers['retry-after'])
    })
  }
  if (trouble?.kind === 'refuses us') return refused(status, trouble)
  return new ServerFailing(`${name} failed: ${words}`)

  function refused(code: number, { what, remedy }: Trouble): HaifError {
    if (code === 401 || code === 403) return keyRefused(name, keyFile)
    if (code === 404 || code === 410) return new HaifError('MODEL_NOT_FOUND', `${name}: ${words}`)
    if (code <= 399) return redirected(name, headers.location)
    return new NoApi(`${name} ${what} (${words}): ${remedy}`)
  }
}

const keyRefused = (name: string, keyFile: string | undefined): KeyRefused =>
  new KeyRefused(
    keyFile === undefined
      ? `${name} wants an API key: give it with --upstream-key-file`
      : `${name} refuses the key in ${keyFile}`
  )

/** A redirect loses the body of a request, so none is followed. */
function redirected(name: string, location = ''): HaifError {
  const where = location === '' ? 'to nowhere' : `to ${reasonOf(location)}`
  return new NoApi(`${name} redirects ${where}: give the address of its API with --upstream`)
}

/** Translates an error in the middle of a stream, which has no status. */
export function errorInStream(name: string, error: unknown): HaifError {
  const said = readError(JSON.stringify({ error }))
  if (isTooLong(said)) return tooLong(said)
  const words = said.message === '' ? 'without a reason' : said.message
  return new HaifError('ENGINE_FAILED', `${name} broke off: ${words}`)
}

interface UpstreamError {
  message: string
  type: string
  code: string
  param: string
  promptTokens: number | null
  contextTokens: number | null
}

const ErrorText = Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Null()]))
const ErrorObject = Compile(
  Type.Object({
    message: ErrorText,
    type: ErrorText,
    code: ErrorText,
    param: ErrorText,
    n_prompt_tokens: Type.Optional(Type.Number()),
    n_ctx: Type.Optional(Type.Number())
  })
)
const Enveloped = Compile(Type.Object({ error: Type.Unknown() }))

/** `{"error": {…}}`, `{"error": "…"}`, the bare object of older vLLM, or plain text. */
function readError(body: string): UpstreamError {
  const parsed = parseOrNull(body)
  const inner = Enveloped.Check(parsed) ? parsed.error : parsed
  if (!ErrorObject.Check(inner)) {
    const isPage = /^\s*</.test(body) // of a proxy before it
    const message = typeof inner === 'string' ? inner : isPage ? '' : body
    return { ...NO_DETAILS, message: reasonOf(message), ...tokensNamed(message) }
  }
  const message = String(inner.message ?? '')
  const named = tokensNamed(message)
  return {
    message: reasonOf(message),
    type: String(inner.type ?? ''),
    code: String(inner.code ?? ''),
    param: String(inner.param ?? ''),
    promptTokens: inner.n_prompt_tokens ?? named.promptTokens,
    contextTokens: inner.n_ctx ?? named.contextTokens
  }
}

const NO_DETAILS = { type: '', code: '', param: '', promptTokens: null, contextTokens: null }

function parseOrNull(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null // a proxy's HTML page, for one
  }
}

const isTooLong = ({ type, code, message }: UpstreamError): boolean =>
  type === 'exceed_context_size_error' ||
  code === 'context_length_exceeded' ||
  /context (?:length|size|window)/i.test(message)

const CONTEXT_TOKENS = [
  /context length is (\d+)/, // vLLM, OpenAI
  /context length (?:of |\()(\d+)/, // SGLang
  /context size \((\d+)/ // llama-server
]
const PROMPT_TOKENS = [
  /(\d+) in the (?:messages|prompt)/, // vLLM, OpenAI
  /(\d+) input tokens/, // vLLM since 0.6
  /(\d+) tokens from the input/, // SGLang
  /input \((\d+) tokens\)/,
  /request \((\d+) tokens\)/ // llama-server
]

function tokensNamed(message: string): Pick<UpstreamError, 'promptTokens' | 'contextTokens'> {
  const first = (patterns: RegExp[]) => {
    for (const pattern of patterns) {
      const digits = pattern.exec(message)?.[1]
      if (digits !== undefined) return Number(digits)
    }
    return null
  }
  return { promptTokens: first(PROMPT_TOKENS), contextTokens: first(CONTEXT_TOKENS) }
}

function tooLong({ message, promptTokens, contextTokens }: UpstreamError): HaifError {
  const words = message === '' ? 'the prompt does not fit the context of the model' : message
  return new HaifError('CONTEXT_TOO_LONG', words, {
    details: {
      ...(promptTokens === null ? {} : { promptTokens }),
      ...(contextTokens === null ? {} : { contextTokens })
    }
  })
}

function notTaken({ param }: UpstreamError, words: string): HaifError {
  if (!OPTIONAL_FIELDS.has(param)) return new HaifError('VALIDATION_FAILED', words)
  return unsupported(param, words)
}

/** Fields that the caller may leave out, so that an error which names one of them helps. */
const OPTIONAL_FIELDS: ReadonlySet<string> = new Set([
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'seed',
  'repetition_penalty',
  'repeat_penalty',
  'frequency_penalty',
  'presence_penalty',
  'stop'
])

/** Reads seconds or a date; a missing header counts as one second. */
function readRetryAfterMs(header: string | undefined): number {
  const seconds = Number(header ?? Number.NaN)
  const ms = Number.isNaN(seconds) ? Date.parse(header ?? '') - Date.now() : seconds * 1000
  if (Number.isNaN(ms)) return RETRY_AFTER_MS_DEFAULT
  return Math.min(RETRY_AFTER_MS_MAX, Math.max(0, ms))
}

const RETRY_AFTER_MS_DEFAULT = 1_000
const RETRY_AFTER_MS_MAX = 300_000
