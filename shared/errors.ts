/**
 * Every expected failure has a code from this one table. The code is the API: it crosses the wire,
 * decides the HTTP status and whether another peer may be tried. The message is for people.
 *
 * `docs/errors.md` is generated from the table (`npm run docs`).
 */
export const ERRORS = {
  VALIDATION_FAILED: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'every contract boundary',
    meaning: 'The request does not fit its contract (422 on bodies with `api_version`).',
    remedy: 'Correct the field that the message names. `/openapi.json` has the contract.'
  },
  UNSUPPORTED_PARAMETER: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'worker',
    meaning: 'The engine that holds the model cannot do what a parameter asks for.',
    remedy: 'Leave the named parameter out, or use a model on another engine.'
  },
  UNAUTHENTICATED: {
    httpStatus: 401,
    retryable: false,
    raisedBy: 'gateway',
    meaning: 'A token is needed and none came, or it is unknown, revoked or expired.',
    remedy: 'Send `Authorization: Bearer haif_…`; `haif token create` makes one.'
  },
  FORBIDDEN: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'gateway',
    meaning: 'The token does not allow this: it lacks a scope, or belongs to another tenant.',
    remedy: 'Use a token with the scope that the message names.'
  },
  NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    raisedBy: 'http-bridge, gateway, orchestrator',
    meaning:
      'There is no such address (or not with this HTTP method), worker, token, tenant or record.',
    remedy: '`/openapi.json` lists the addresses, `haif status` the workers.'
  },
  MODEL_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    raisedBy: 'orchestrator',
    meaning: 'No worker that is up holds the model.',
    remedy: '`GET /v1/models` lists the models; `haif join … --model` adds one.'
  },
  CONFLICT: {
    httpStatus: 409,
    retryable: false,
    raisedBy: 'orchestrator, gateway',
    meaning:
      'An `Idempotency-Key` was used before with another request, or a tenant still has tokens.',
    remedy: 'Use a new key for each request; revoke the tokens of a tenant before it is deleted.'
  },
  BODY_TOO_LARGE: {
    httpStatus: 413,
    retryable: false,
    raisedBy: 'http-bridge',
    meaning: 'The body is over 1 MiB.',
    remedy: 'Send a shorter prompt.'
  },
  CONTEXT_TOO_LONG: {
    httpStatus: 413,
    retryable: false,
    raisedBy: 'worker',
    meaning: "The prompt does not fit the model's context.",
    remedy: 'Shorten the prompt, or use a model with a longer context.'
  },
  UNSUPPORTED_MEDIA_TYPE: {
    httpStatus: 415,
    retryable: false,
    raisedBy: 'http-bridge',
    meaning: 'The body is not JSON.',
    remedy: 'Send `content-type: application/json`.'
  },
  RATE_LIMITED: {
    httpStatus: 429,
    retryable: false,
    raisedBy: 'gateway',
    meaning:
      'The caller has too many requests running, or has sent too many requests or tokens in a while.',
    remedy: 'Wait for the seconds in `Retry-After` and send it again.'
  },
  BUDGET_EXHAUSTED: {
    httpStatus: 429,
    retryable: false,
    raisedBy: 'gateway',
    meaning: 'The daily or monthly tokens of a token or a tenant are used up.',
    remedy: 'The message says when the budget renews; an operator can raise it.'
  },
  CANCELLED: {
    httpStatus: 499,
    retryable: false,
    raisedBy: 'any',
    meaning: 'The caller went away or withdrew the request.',
    remedy: 'Nothing: it is what the caller asked for.'
  },
  INTERNAL: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'any',
    meaning: 'A bug in HAIF. The message stays in the log, the caller sees only the request id.',
    remedy: 'Look for the request id in the log and report it.'
  },
  ENGINE_FAILED: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'worker',
    meaning: 'The process that runs the model died or broke off; the worker restarts it.',
    remedy: 'Send it again. If it repeats, the log of the worker says why.'
  },
  MODEL_LOAD_FAILED: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'worker',
    meaning: 'A model file is missing, damaged, or does not fit into memory.',
    remedy: 'The message names the file. Download it again, or choose a smaller model.'
  },
  WORKER_LOST: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'orchestrator',
    meaning: 'The worker that served the request went away, and no other could take it over.',
    remedy: 'Send it again.'
  },
  PEER_LOST: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'shared/rpc',
    meaning: 'The connection to a peer broke while it was answering.',
    remedy: 'Send it again.'
  },
  NO_ELIGIBLE_WORKER: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'orchestrator',
    meaning: 'No worker is up, or none may take this request now.',
    remedy: 'Start one with `haif join`, or try again after `Retry-After`.'
  },
  WORKER_OVERLOADED: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'worker',
    meaning: 'All slots are taken and the queue is full.',
    remedy: 'Try again after `Retry-After`, or add a worker.'
  },
  NO_PEER: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'any that calls another service',
    meaning: 'No peer of the role that is needed (gateway, orchestrator, registry) can be reached.',
    remedy: 'See `haif status`; start the missing service.'
  },
  STREAM_LIMIT: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'shared/rpc',
    meaning: 'Too many streams are open on one connection between two peers.',
    remedy: 'Try again after `Retry-After`, or add a gateway or an orchestrator.'
  },
  STORE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'any that keeps state',
    meaning: 'The database cannot be reached.',
    remedy: 'Try again after `Retry-After`; whoever runs the mesh sees to Postgres.'
  },
  SHUTTING_DOWN: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'any',
    meaning: 'The service is stopping and takes no new work.',
    remedy: 'Send it again; another peer takes it.'
  },
  DEADLINE_EXCEEDED: {
    httpStatus: 504,
    retryable: false,
    raisedBy: 'any',
    meaning: 'The time that the caller gave the request has run out.',
    remedy: 'Allow more time, ask for fewer tokens, or add a worker.'
  },
  PROTOCOL_MISMATCH: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning: 'Two peers speak different versions of the protocol.',
    remedy: 'Update HAIF on the older machine.'
  },
  WRONG_MESH: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning: 'A peer could not prove that it knows the mesh secret.',
    remedy: 'Join with the topic key that `haif up` prints.'
  },
  TOPIC_KEY_INVALID: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'command line',
    meaning: 'A topic key was mistyped or cut off.',
    remedy: 'Copy the whole line that `haif up` prints.'
  },
  CONFIG_INVALID: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'command line',
    meaning: 'An environment variable or an option has a value that cannot be used.',
    remedy: 'The message names it and what it may be.'
  },
  HOME_IN_USE: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'command line',
    meaning: 'Another `haif up` runs on the same HAIF_HOME.',
    remedy: 'Stop it, or set HAIF_HOME to another folder.'
  },
  SCHEMA_MISMATCH: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'command line',
    meaning: 'The database was made by another version of HAIF than this one can work with.',
    remedy: 'The message says which side to change.'
  },
  STORE_NOT_EMPTY: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'command line',
    meaning: 'A backup was to be restored into a database that has something in it.',
    remedy: 'Give `--force` to replace it, or name another database.'
  },
  BACKUP_INVALID: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'command line',
    meaning: 'A file is no backup, was cut off, or was changed.',
    remedy: 'Use another backup; the message says what is wrong with this one.'
  },
  PORT_IN_USE: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'http-bridge',
    meaning: 'The address for HTTP is taken by another program.',
    remedy: 'Choose another with `--port` or PORT.'
  },
  DOWNLOAD_FAILED: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'worker',
    meaning: 'A model file could not be fetched.',
    remedy:
      'Check the name and the network, then run the command again: it goes on where it broke off.'
  }
} as const satisfies Record<string, ErrorEntry>

export interface ErrorEntry {
  /** Status of the HTTP reply that carries the code. */
  httpStatus: number
  /** Whether the hop before may try another peer, within the deadline. */
  retryable: boolean
  /** Where it comes from. */
  raisedBy: string
  meaning: string
  remedy: string
}

export type ErrorCode = keyof typeof ERRORS

export interface ErrorOptions {
  cause?: unknown
  /** Facts for the caller, e.g. which field; JSON, small. */
  details?: Record<string, unknown>
  /** When to try again, in milliseconds from now. */
  retryAfterMs?: number
}

/** An expected failure: a code from the table and a sentence that says what happened and what to do. */
export class HaifError extends Error {
  readonly code: ErrorCode
  readonly details: Record<string, unknown> | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HaifError'
    this.code = code
    this.details = options.details
    this.retryAfterMs = options.retryAfterMs
  }

  get httpStatus(): number {
    return ERRORS[this.code].httpStatus
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }
}

/** What every hop may show of an error it did not expect: nothing but that it happened. */
export function toHaifError(error: unknown): HaifError {
  if (error instanceof HaifError) return error
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new HaifError('DEADLINE_EXCEEDED', 'the request took longer than it was given', {
      cause: error
    })
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new HaifError('CANCELLED', 'the request was cancelled', { cause: error })
  }
  return new HaifError('INTERNAL', 'internal error', { cause: error })
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code)
}
