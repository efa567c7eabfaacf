/** An operation as a line for a shell. */
import { sampleOf } from './fields.ts'
import type { Operation } from './spec.ts'

export function curlOf({ method, path, body, needsToken }: Operation, origin: string): string {
  const parts = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}'${origin}${path}'`]
  if (needsToken) parts.push(`-H 'authorization: Bearer haif_…'`)
  if (body !== undefined) {
    const sample = JSON.stringify(sampleOf(body)).replaceAll("'", String.raw`'\''`)
    parts.push(`-H 'content-type: application/json'`, `-d '${sample}'`)
  }
  return parts.join(' \\\n  ')
}
