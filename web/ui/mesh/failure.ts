/** Errors as sentences for people, each with what to do next. */

/** The button beside the sentence. */
type Remedy = 'retry' | 'newChat' | 'edit' | 'chooseModel' | 'settings' | 'token'

export interface Failure {
  /** A code of docs/errors.md, or one of the page's own: OFFLINE, BROKEN_OFF, BAD_REPLY. */
  code: string
  message: string
  remedy: Remedy
  /** The mesh's own words, where the message has plainer ones. */
  detail?: string
  /** When the mesh will take it again, in milliseconds since 1970. */
  retryAt?: number
  /** The id under which the logs have the request. */
  requestId?: string
}

export class MeshError extends Error {
  readonly failure: Failure

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options)
    this.failure = failure
  }
}

/** The bridge's error object, from a reply or an `error` event. */
export interface ErrorObject {
  code?: unknown
  message?: unknown
  request_id?: unknown
}

/** The next step for each code; `plain` replaces the mesh's words, which are for programmers. */
const NEXT: Record<string, { text: string; remedy?: Remedy; plain?: string }> = {
  MODEL_NOT_FOUND: { text: 'Choose another model.', remedy: 'chooseModel' },
  CONTEXT_TOO_LONG: {
    plain:
      'This chat has become too long: the model reads all of it for each answer, and no more fits.',
    text: 'Ask again in a new chat, or choose a model with a longer context.',
    remedy: 'newChat'
  },
  UNSUPPORTED_PARAMETER: {
    text: 'Clear that setting, or choose another model.',
    remedy: 'settings'
  },
  VALIDATION_FAILED: { text: 'Check the settings of this chat.', remedy: 'settings' },
  BODY_TOO_LARGE: {
    plain: 'This chat has become too long to be sent.',
    text: 'Ask again in a new chat.',
    remedy: 'newChat'
  },
  RATE_LIMITED: { text: '' },
  NO_ELIGIBLE_WORKER: {
    text: 'Start one with “haif join …” on any of your machines, then retry.'
  },
  WORKER_OVERLOADED: { text: 'Retry in a moment, or add a machine to the mesh.' },
  WORKER_LOST: { text: 'Retry: if another machine holds the model, it will answer.' },
  DEADLINE_EXCEEDED: { text: 'Retry, or ask for a shorter answer in the settings.' },
  SHUTTING_DOWN: { text: 'Start HAIF again, then retry.' },
  UNAUTHENTICATED: {
    plain: 'This mesh answers only those who have an access token.',
    text: 'Enter yours to go on.',
    remedy: 'token'
  },
  FORBIDDEN: { text: 'Enter another token, or ask whoever runs this mesh.', remedy: 'token' },
  INTERNAL: { text: 'Retry. If it happens again, report it with the request id.' }
}

export function failureOf({ code, message, request_id: requestId }: ErrorObject): Failure {
  const known = typeof code === 'string' ? code : 'INTERNAL'
  const { text, remedy = 'retry', plain } = NEXT[known] ?? { text: 'Retry in a moment.' }
  const said = typeof message === 'string' ? sentence(message) : 'Something went wrong.'
  const failure: Failure = { code: known, message: `${plain ?? said} ${text}`.trim(), remedy }
  if (plain !== undefined) failure.detail = said.replace(/\.$/, '')
  return typeof requestId === 'string' ? { ...failure, requestId } : failure
}

/** A new chat does not help when the first message alone is too long. */
export function ofFirstMessage(failure: Failure): Failure {
  const message = TOO_LONG_ALONE[failure.code]
  return message === undefined ? failure : { ...failure, message, remedy: 'edit' }
}

const TOO_LONG_ALONE: Record<string, string> = {
  CONTEXT_TOO_LONG:
    'Your message is longer than this model can read at once. ' +
    'Shorten it, or choose a model with a longer context.',
  BODY_TOO_LARGE: 'Your message is too long to be sent. Shorten it.'
}

export const offline = (cause: unknown): MeshError =>
  new MeshError(
    {
      code: 'OFFLINE',
      message: 'HAIF cannot be reached. See whether it still runs and this device is online.',
      remedy: 'retry'
    },
    { cause }
  )

export const brokenOff = (cause?: unknown): MeshError =>
  new MeshError(
    {
      code: 'BROKEN_OFF',
      message: 'The connection broke before the answer was complete. Retry to get all of it.',
      remedy: 'retry'
    },
    { cause }
  )

/** Something that is not HAIF answered: a proxy, or an older version. */
export const badReply = (status: number): MeshError =>
  new MeshError({
    code: 'BAD_REPLY',
    message:
      `The address answered with status ${status} and not as HAIF does. ` +
      'See whether a proxy stands in front of it, then retry.',
    remedy: 'retry'
  })

function sentence(text: string): string {
  const trimmed = text.trim()
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?]$/.test(first) ? first : `${first}.`
}
