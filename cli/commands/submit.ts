/**
 * `haif submit`: one prompt over HTTP, to the strict contract of `/infer` (`api_version`); the
 * answer on stdout. Its exit codes are those of docs/failure-modes.md, for scripts.
 */
import process from 'node:process'
import type { Command } from 'commander'
import { HaifClient, HaifRequestError } from '#shared/client/haif-client.ts'
import { VERSIONED_MAX_TOKENS, VERSIONED_TEMPERATURE } from '#shared/contracts/http/infer.ts'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import { readSecret, type Environment } from '#shared/process/config.ts'
import { askedUrl } from '../ask/http-models.ts'
import { decimalNumber, wholeNumber } from './options/options.ts'

const DEFAULT_TIMEOUT_S = 60
const TIMEOUT_S_MAX = 86_400

interface SubmitOptions {
  url?: string
  prompt: string
  maxTokens: number
  temperature: number
  /** Seconds. */
  timeout: number
  retries: number
  json?: true
}

export function addSubmitCommand(program: Command): void {
  program
    .command('submit')
    .description('send one prompt over HTTP, for scripts: exit codes say what went wrong')
    .requiredOption('--prompt <text>', 'what to answer')
    .option('--url <url>', 'where HAIF listens (HAIF_URL; default: this machine)')
    .option(
      '--max-tokens <n>',
      'the longest answer, in tokens',
      wholeNumber(1, MAX_TOKENS_MAX),
      VERSIONED_MAX_TOKENS
    )
    .option(
      '--temperature <t>',
      '0: always the likeliest token',
      decimalNumber(0, 2),
      VERSIONED_TEMPERATURE
    )
    .option(
      '--timeout <seconds>',
      'the longest time, with all tries',
      wholeNumber(1, TIMEOUT_S_MAX),
      DEFAULT_TIMEOUT_S
    )
    .option('--retries <n>', 'tries after the first one', wholeNumber(0, 100), 4)
    .option('--json', 'print the whole reply')
    .action((options: SubmitOptions) => submit(options, process.env))
}

async function submit(options: SubmitOptions, env: Environment): Promise<void> {
  const { prompt, maxTokens, temperature, timeout, retries, json } = options
  const url = askedUrl(options.url, env)
  const client = new HaifClient({ url, retries, token: readSecret(env, 'HAIF_TOKEN') ?? undefined })
  const body = { prompt, max_tokens: maxTokens, temperature }
  try {
    const signal = AbortSignal.timeout(timeout * 1000)
    const reply = await client.submit(body, { signal })
    process.stdout.write(`${json === true ? JSON.stringify(reply) : reply.text}\n`)
  } catch (error) {
    const failure = failureOf(error, url)
    process.stderr.write(`haif submit: ${failure.message}\n`)
    process.exitCode = failure.exitCode
  }
}

/** What a script can tell apart; docs/failure-modes.md says what to do about each. */
export const EXIT_CODES = {
  refused: 2,
  unauthenticated: 3,
  unreachable: 4,
  overloaded: 5,
  timeout: 6,
  failed: 7
} as const

interface Failure {
  exitCode: number
  message: string
}

export function failureOf(error: unknown, url: string): Failure {
  if (error instanceof HaifRequestError) {
    const { status, message, code, requestId } = error
    const shown = requestId === null ? '' : `; request id ${requestId}`
    return { exitCode: exitCodeOf(status), message: `${message} (${code || status}${shown})` }
  }
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return { exitCode: EXIT_CODES.timeout, message: 'no answer in time: raise --timeout' }
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = cause instanceof Error ? cause.message : String(cause)
  return { exitCode: EXIT_CODES.unreachable, message: `cannot reach ${url}: ${reason}` }
}

function exitCodeOf(status: number): number {
  if (status === 401 || status === 403) return EXIT_CODES.unauthenticated
  if (status === 429 || status === 503) return EXIT_CODES.overloaded
  if (status === 504) return EXIT_CODES.timeout
  return status < 500 ? EXIT_CODES.refused : EXIT_CODES.failed
}
