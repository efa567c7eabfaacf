/**
 * Every expected failure has a code from this one table. The code is the API: it crosses the wire
 * and decides the HTTP status and whether another peer may be tried. The message is for people.
 *
 * `docs/errors.md` is generated from the table (`npm run docs`).
 */
export const ERRORS = {
  VALIDATION_FAILED: {
    httpStatus: 400,
    retryable: false,
    raisedBy:
      'cli, http-bridge, gateway, jobs, registry, worker, shared/contracts, shared/functions, ' +
      'shared/rpc',
    meaning: 'The request does not match its contract (422 for bodies with `api_version`).',
    remedy: 'Correct the field named in the message. `/openapi.json` has the contract.'
  },
  UNSUPPORTED_PARAMETER: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'http-bridge, orchestrator, worker',
    meaning: 'HAIF, or the engine that runs the model, cannot do what a parameter asks for.',
    remedy: 'Remove the parameter named in the message, or use a model on another engine.'
  },
  UNAUTHENTICATED: {
    httpStatus: 401,
    retryable: false,
    raisedBy: 'cli, gateway, http-bridge',
    meaning:
      'A token is required and the request has none, or its token is unknown, revoked or expired.',
    remedy: 'Send `Authorization: Bearer haif_…`; `haif token create` makes a token.'
  },
  FORBIDDEN: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'http-bridge, gateway, jobs, orchestrator, registry, worker, shared/rpc',
    meaning:
      'The token does not allow this: it lacks a scope, or it belongs to another tenant. Between ' +
      'two peers: the role of the caller does not allow the call. From a browser: the page, or ' +
      'the name in its address, is not of this machine.',
    remedy:
      'Use a token with the scope named in the message. Behind a proxy or a tunnel, put its name ' +
      'into `HAIF_ALLOWED_HOSTS`.'
  },
  NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    raisedBy: 'cli, http-bridge, gateway, jobs, orchestrator, registry, worker',
    meaning:
      'There is no such address (or not with this HTTP method), worker, token, tenant or record.',
    remedy: '`/openapi.json` lists the addresses, `haif status` the workers.'
  },
  MODEL_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    raisedBy: 'cli, http-bridge, gateway, worker, shared/inference',
    meaning: 'No connected worker holds the model, or the token may not use it.',
    remedy: '`GET /v1/models` lists the models; `haif join … --model` adds one.'
  },
  CONFLICT: {
    httpStatus: 409,
    retryable: false,
    raisedBy: 'gateway, jobs, orchestrator, registry, worker',
    meaning:
      'An `Idempotency-Key` was already used with a different request, or an administrative ' +
      'change contradicts what is there (a tenant that still has tokens, for example).',
    remedy: 'Use a new key for each request; otherwise the message says what to change first.'
  },
  BODY_TOO_LARGE: {
    httpStatus: 413,
    retryable: false,
    raisedBy: 'http-bridge, jobs, worker, shared/mesh, shared/rpc',
    meaning:
      'An HTTP body is over 1 MiB, or with a token 32 MiB, or a message between two peers is ' +
      'over 4 MiB.',
    remedy: 'Send less in one request: a shorter prompt, or fewer inputs.'
  },
  CONTEXT_TOO_LONG: {
    httpStatus: 413,
    retryable: false,
    raisedBy: 'gateway, worker',
    meaning:
      "The prompt does not fit the model's context, or prompt and answer exceed what the " +
      'token may use.',
    remedy: 'Shorten the prompt, ask for fewer tokens, or use a model with a longer context.'
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
    raisedBy: 'gateway, jobs, orchestrator',
    meaning:
      'The caller has too many requests running, has sent too many requests or tokens ' +
      'recently, or 4,096 requests are already waiting for the model.',
    remedy: 'Wait for the number of seconds in `Retry-After`, then send the request again.'
  },
  BUDGET_EXHAUSTED: {
    httpStatus: 429,
    retryable: false,
    raisedBy: 'gateway',
    meaning: 'The daily or monthly token budget of a token or a tenant is used up.',
    remedy: 'The message says when the budget renews; an operator can raise it.'
  },
  CANCELLED: {
    httpStatus: 499,
    retryable: false,
    raisedBy: 'any',
    meaning: 'The caller disconnected or withdrew the request.',
    remedy: 'Nothing to do: the caller asked for it.'
  },
  INTERNAL: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'any',
    meaning: 'A bug in HAIF. The details stay in the log; the caller sees only the request id.',
    remedy: 'Search the logs for the request id and report it.'
  },
  ENGINE_FAILED: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'jobs, worker',
    meaning: 'The process that runs the model crashed, hangs or gave up; the worker restarts it.',
    remedy: "Send the request again. If it keeps failing, the worker's log says why."
  },
  MODEL_LOAD_FAILED: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'cli, worker',
    meaning: 'A model file is missing, damaged, or too large for memory.',
    remedy: 'The message names the file. Download it again, or choose a smaller model.'
  },
  TOOL_FAILED: {
    httpStatus: 422,
    retryable: false,
    raisedBy: 'jobs, worker',
    meaning:
      'A tool ended with an exit code other than 0, or was ended because it used more memory, ' +
      'time, output, files or processes than it may.',
    remedy: 'The message has its last words or names the limit; a task may ask for other limits.'
  },
  FUNCTION_FAILED: {
    httpStatus: 422,
    retryable: false,
    raisedBy: 'worker',
    meaning:
      'A function raised an exception, ended its process, returned what is no JSON, or was ended ' +
      'because it used more memory, time, output, files or processes than it may.',
    remedy: 'The message has the exception or names the limit; stderr of the run has the traceback.'
  },
  ENVIRONMENT_FAILED: {
    httpStatus: 422,
    retryable: false,
    raisedBy: 'worker',
    meaning: 'The packages that a function pins cannot be installed on the worker.',
    remedy: 'The message has what the installer said: correct the pins, and publish again.'
  },
  WORKER_LOST: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'jobs, orchestrator, worker',
    meaning:
      'The worker that served the request went away, and no other worker could take over; or the ' +
      'process of a function was killed.',
    remedy: 'Send the request again.'
  },
  WORKER_FAULTY: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'gateway, jobs, orchestrator, shared/inference',
    meaning:
      'A worker answered what nobody asked: more tokens or text than the request allows, items ' +
      'without an end, vectors for other inputs. It is held against the worker.',
    remedy: 'Send the request again. `haif status` shows what is held against each worker.'
  },
  PEER_LOST: {
    httpStatus: 502,
    retryable: true,
    raisedBy: 'jobs, worker, shared/mesh, shared/rpc',
    meaning: 'The connection to a peer broke before it had answered.',
    remedy: 'Send the request again.'
  },
  NO_ELIGIBLE_WORKER: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'cli, jobs, orchestrator',
    meaning: 'No worker is connected, or none can take this request right now.',
    remedy: 'Start one with `haif join`, or try again after `Retry-After`.'
  },
  ARTIFACT_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'jobs, worker',
    meaning: 'The machine that keeps an artifact is away, or its copy was damaged.',
    remedy: 'Start that machine, or run the task that made it again; S3_ENDPOINT keeps copies.'
  },
  ARTIFACT_QUOTA: {
    httpStatus: 507,
    retryable: true,
    raisedBy: 'jobs, worker',
    meaning: 'Artifacts have used up the room that they may take.',
    remedy: 'The message says whose room, and the setting that bounds it.'
  },
  SANDBOX_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'worker',
    meaning:
      'This worker does not run the tool: its machine has no sandbox, or its owner allows less ' +
      'than the task asks for.',
    remedy: 'The message says what is missing. Another worker may do it.'
  },
  WORKER_OVERLOADED: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'orchestrator, worker',
    meaning: 'Every slot is taken, and the queue is full or longer than the deadline allows.',
    remedy: 'Try again after `Retry-After`, or add a worker.'
  },
  NO_PEER: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'cli, shared/main, shared/mesh',
    meaning: 'No peer of the required role (gateway, orchestrator, registry) can be reached.',
    remedy: 'Run `haif status` and start the missing service.'
  },
  NO_DIRECT_WAY: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'shared/mesh',
    meaning:
      'Two peers are both behind NATs that give random ports, so that no direct way exists ' +
      'between them, and no relay of the mesh could be reached.',
    remedy: 'Run `haif relay` on a machine with a public address.'
  },
  STREAM_LIMIT: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'http-bridge, shared/rpc',
    meaning:
      'Too many calls or streams are open on one connection between two peers, or sixteen bodies ' +
      'over 1 MiB are being read, or too many responses run in the background.',
    remedy: 'Try again after `Retry-After`, or add a gateway or an orchestrator.'
  },
  STORE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'gateway, jobs, orchestrator, registry, shared/store',
    meaning:
      'The database cannot be reached, refuses HAIF or takes no writes, or the service runs ' +
      'without one.',
    remedy: 'Try again after `Retry-After`. The message says what whoever runs the mesh has to do.'
  },
  SHUTTING_DOWN: {
    httpStatus: 503,
    retryable: true,
    raisedBy: 'http-bridge, gateway, orchestrator, worker',
    meaning: 'The service is stopping and accepts no new work.',
    remedy: 'Send the request again; another peer will take it.'
  },
  DEADLINE_EXCEEDED: {
    httpStatus: 504,
    retryable: false,
    raisedBy: 'any',
    meaning: 'The request took longer than the caller allowed.',
    remedy: 'Allow more time, ask for fewer tokens, or add a worker.'
  },
  PROTOCOL_MISMATCH: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/mesh, shared/rpc',
    meaning: 'Two peers speak different versions of the protocol.',
    remedy: 'Update HAIF on the older machine.'
  },
  WRONG_MESH: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/main, shared/mesh',
    meaning: 'A peer is not certified for this mesh.',
    remedy: 'Join with an invite to this mesh; `haif up` prints one.'
  },
  CERTIFICATE_EXPIRED: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning:
      'The certificate of a peer has ended, because the peer was away for too long or the mesh ' +
      'has moved on to a new epoch.',
    remedy: 'Check the clocks of both machines, then join again with a new invite.'
  },
  CERTIFICATE_NOT_YET_VALID: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning: 'The certificate of a peer begins in the future: one of the two clocks is wrong.',
    remedy: 'Set the clocks of both machines; they may differ by five minutes.'
  },
  PEER_REVOKED: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'registry, shared/mesh',
    meaning: 'The peer was removed from the mesh.',
    remedy: 'If that was a mistake, ask for a new invite and join again with it.'
  },
  ROLE_NOT_ALLOWED: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning: 'A peer wants to play a role that its certificate does not name.',
    remedy: 'Join with an invite for that role.'
  },
  TOPIC_KEY_INVALID: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning: 'A topic key was mistyped, or the text is none.',
    remedy: 'Copy the whole line that `haif invite` prints.'
  },
  TOPIC_KEY_CUT_OFF: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'shared/mesh',
    meaning: 'Characters of a topic key are missing, most likely at its end.',
    remedy: 'Copy the whole line that `haif invite` prints.'
  },
  TOPIC_KEY_OLD: {
    httpStatus: 400,
    retryable: false,
    raisedBy: 'shared/main, shared/mesh',
    meaning: 'The topic key was made before HAIF had invites; it was the secret of a whole mesh.',
    remedy: 'Update HAIF where the mesh runs, and run `haif invite` there.'
  },
  INVITE_UNKNOWN: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'registry',
    meaning: 'The topic key is well-formed, but this mesh knows no such invite (any more).',
    remedy: 'Ask for a new one: `haif invite`.'
  },
  INVITE_USED: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'registry',
    meaning: 'As many machines have joined with the topic key as may; most are for one machine.',
    remedy: 'Ask for a new one. If you do not know the machine in the message, remove it.'
  },
  INVITE_EXPIRED: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'registry',
    meaning: 'The topic key was good until the time in the message.',
    remedy: 'Ask for a new one: `haif invite --expires 1d` makes one that lasts longer.'
  },
  INVITE_REVOKED: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'registry',
    meaning: 'The topic key was withdrawn with `haif invite rm`.',
    remedy: 'Ask for a new one: `haif invite`.'
  },
  INVITE_ROLE: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'registry, shared/main, cli',
    meaning: 'The topic key lets a machine in, but not in the role that it wants to play.',
    remedy: 'Ask for one with that role: `haif invite --role client`, for example.'
  },
  REDEEM_LIMIT: {
    httpStatus: 429,
    retryable: true,
    raisedBy: 'registry',
    meaning: 'Too many topic keys that are not good were shown from one address in a minute.',
    remedy: 'Wait a minute, then join with a topic key that is good.'
  },
  APPROVAL_PENDING: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'cli',
    meaning: 'The machine has asked to join, and a person has to approve it first.',
    remedy: 'Run `haif approve <name>` where the mesh runs; `haif peers --pending` shows who waits.'
  },
  APPROVAL_REFUSED: {
    httpStatus: 403,
    retryable: false,
    raisedBy: 'registry',
    meaning: 'Whoever runs the mesh does not want the machine in it.',
    remedy: 'Ask that person.'
  },
  CONFIG_INVALID: {
    httpStatus: 500,
    retryable: false,
    raisedBy:
      'cli, http-bridge, gateway, jobs, orchestrator, registry, worker, bootstrap, shared/main, ' +
      'shared/mesh, shared/process, shared/store, shared/telemetry',
    meaning:
      'An environment variable, an option or a file given by one has a value that cannot be used.',
    remedy: 'The message names it and says which values it accepts.'
  },
  HOME_IN_USE: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'cli, shared/main, shared/mesh, shared/store',
    meaning: 'Another HAIF process uses the same HAIF_HOME, or a copy of it.',
    remedy:
      'Stop that process, or set HAIF_HOME to another folder; on a copy run `haif identity new`.'
  },
  SCHEMA_MISMATCH: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'jobs, shared/main, shared/store',
    meaning: 'A database or a HAIF_HOME was written by a HAIF that this one cannot work with.',
    remedy: 'The message says which side to change.'
  },
  STORE_NOT_EMPTY: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'shared/store',
    meaning: 'The database into which a backup is to be restored is not empty.',
    remedy: 'Pass `--force` to replace its contents, or name another database.'
  },
  BACKUP_INVALID: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'cli, shared/main, shared/process, shared/store',
    meaning: 'The file is not a backup, was cut off or changed, or has another passphrase.',
    remedy: 'Use another backup; the message says what is wrong with this one.'
  },
  DISK_UNUSABLE: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'gateway, shared/main, shared/store, shared/trouble',
    meaning: 'A file or folder of this machine cannot be used: its disk is full or read-only, say.',
    remedy: 'The message names it and says what to do; nothing has to be deleted.'
  },
  STATE_LOST: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'gateway, shared/main, shared/store',
    meaning:
      'Something that was kept is gone: files of the database, all tokens, or a secret that ' +
      'others hang on. HAIF stops instead of starting empty, because an empty one lets all in.',
    remedy: 'Bring it back from a copy or a backup, as the message says.'
  },
  PORT_IN_USE: {
    httpStatus: 500,
    retryable: false,
    raisedBy: 'http-bridge, shared/mesh',
    meaning: 'Another program already listens on the port, or this user may not listen on it.',
    remedy: 'Choose another port with `--port` or PORT.'
  },
  DOWNLOAD_FAILED: {
    httpStatus: 502,
    retryable: false,
    raisedBy: 'worker',
    meaning: 'A model file could not be downloaded.',
    remedy:
      'Check the name and the network, then run the command again: the download resumes ' +
      'where it stopped.'
  }
} as const satisfies Record<string, ErrorEntry>

interface ErrorEntry {
  /** The status of an HTTP reply that carries the code. */
  httpStatus: number
  /** Whether the hop before may try another peer, within the deadline. */
  retryable: boolean
  /** The areas whose code raises it: a service, `cli`, a folder of shared/, or `any`. */
  raisedBy: string
  meaning: string
  remedy: string
}

export type ErrorCode = keyof typeof ERRORS

export interface ErrorOptions {
  cause?: unknown
  /** Facts for the caller; JSON, small. `param` names the field that is wrong. */
  details?: Record<string, unknown>
  /** When to try again, in milliseconds from now. */
  retryAfterMs?: number
}

/** An expected failure: a code, and a sentence that says what happened and what to do. */
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

/** Translates any error; of one that nobody expected, callers learn only that it happened. */
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
