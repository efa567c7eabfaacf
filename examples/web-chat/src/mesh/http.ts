/** One request to the bridge. Addresses are relative to the page, wherever it is served. */
import { badReply, failureOf, MeshError, offline } from './failure.ts'

/** Resolves with a reply that is good; rejects with a MeshError, or as the signal says. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(new URL(path, document.baseURI), init)
  } catch (error) {
    init.signal?.throwIfAborted()
    throw offline(error)
  }
  if (response.ok) return response
  throw await errorOf(response)
}

async function errorOf(response: Response): Promise<MeshError> {
  const body: unknown = await response.json().catch(() => null)
  const error = isObject(body) ? body['error'] : null
  return isObject(error) ? new MeshError(failureOf(error)) : badReply(response.status)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
