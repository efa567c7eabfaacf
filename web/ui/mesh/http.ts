/**
 * One request to the bridge. Its root is relative to the page, wherever that is served; a page that
 * is not at the root itself says so with `data-root`.
 */
import { access, learn } from './access.ts'
import { badReply, failureOf, MeshError, offline, type ErrorObject } from './failure.ts'

const root = (): URL => new URL(document.documentElement.dataset['root'] ?? './', document.baseURI)

/**
 * Resolves with a successful reply; rejects with a MeshError, or with the signal's reason. The
 * token is only ever a header, because addresses are written into logs.
 */
export async function send(
  path: string,
  init: RequestInit,
  token = access.peek()?.token
): Promise<Response> {
  const headers = new Headers(init.headers)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  let response: Response
  try {
    response = await fetch(new URL(path, root()), { ...init, headers })
  } catch (error) {
    init.signal?.throwIfAborted()
    throw offline(error)
  }
  if (response.ok) {
    learn(token, true)
    return response
  }
  const error = await errorOf(response)
  if (error.failure.code === 'UNAUTHENTICATED') learn(token, false)
  throw error
}

/** Errors below /v1/ have OpenAI's codes for these. */
const CODES: Record<number, string> = { 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN' }

async function errorOf(response: Response): Promise<MeshError> {
  const body: unknown = await response.json().catch(() => null)
  const error = isObject(body) ? errorIn(body) : null
  if (error === null) return badReply(response.status)
  const failure = failureOf({ ...error, code: CODES[response.status] ?? error.code })
  const retryAt = retryAtOf(response)
  return new MeshError(retryAt === null ? failure : { ...failure, retryAt })
}

/** Shorter waits are those of every busy mesh, and not worth a clock. */
const WAIT_SECONDS_MIN = 2

function retryAtOf({ status, headers }: Response): number | null {
  const seconds = Number(headers.get('retry-after'))
  return status === 429 && seconds >= WAIT_SECONDS_MIN ? Date.now() + seconds * 1000 : null
}

/** Jobs have their errors on one level. */
function errorIn(body: Record<string, unknown>): ErrorObject | null {
  if (isObject(body['error'])) return body['error']
  return typeof body['error'] === 'string' ? { ...body, message: body['error'] } : null
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
