/** Lists of requests: their address by filters, and how a live one and a read one go together. */
import type { RequestRowBody } from '../mesh/bodies.ts'

const REQUEST_FILTERS = ['id', 'status', 'tenant', 'model', 'worker', 'code'] as const

export function requestsPath(filters: Record<string, string>, after?: string): string {
  const query = new URLSearchParams()
  for (const name of REQUEST_FILTERS) {
    const value = filters[name]
    if (value !== undefined && value !== '') query.set(name, value)
  }
  if (after !== undefined) query.set('after', after)
  const text = query.toString()
  return `v1/admin/requests${text === '' ? '' : `?${text}`}`
}

/** Each request once, the newest first; a row of an earlier list is the newer one. */
export function mergeRows(...lists: readonly (readonly RequestRowBody[])[]): RequestRowBody[] {
  const rows = new Map<string, RequestRowBody>()
  for (const row of lists.flat()) if (!rows.has(row.id)) rows.set(row.id, row)
  return [...rows.values()].toSorted((a, b) => b.started_at - a.started_at)
}
