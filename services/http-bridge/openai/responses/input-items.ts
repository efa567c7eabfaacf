/** `GET /v1/responses/{id}/input_items`: what a response was asked, item by item. */
import type { InputItem, ResponsesBody, StoredItem } from '#shared/contracts/http/responses.ts'
import { invalid } from '../../http/refusal.ts'
import { isFields } from '../../chat/past/calls.ts'
import { partsOf, textOrWord } from '../../chat/past/parts.ts'

const PAGE_ITEMS = 20
const PAGE_ITEMS_MAX = 100

const PREFIXES: Readonly<Record<string, string>> = {
  function_call: 'fc_',
  function_call_output: 'fco_',
  reasoning: 'rs_'
}

/** The items with an id each; references stay as they are. */
export function storedItems(
  input: ResponsesBody['input'],
  newId: (prefix: string) => string
): StoredItem[] {
  const items: InputItem[] =
    typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
  return items.map((item) => {
    const { type = item.role === undefined ? 'item_reference' : 'message' } = item
    const id = item.id ?? newId(PREFIXES[type] ?? 'msg_')
    if (type === 'item_reference') return { type, id }
    const status = { status: 'completed' as const }
    if (type === 'message') {
      const role = item.role ?? 'user'
      const kind = role === 'assistant' ? 'output_text' : 'input_text'
      const content = partsOf(item.content).map((part) => ({ type: kind, text: textOrWord(part) }))
      return { ...item, type, id, role, content, ...status }
    }
    if (type === 'reasoning') return { ...item, type, id, summary: [], ...status }
    return { ...item, type, id, ...status }
  })
}

interface Page {
  object: 'list'
  data: StoredItem[]
  first_id: string | null
  last_id: string | null
  has_more: boolean
}

/** `query`: `limit`, `after` (the id of an item), `order` (`desc` unless `asc`). */
export function pageOf(items: readonly StoredItem[], query: unknown): Page {
  const { limit, after, order = 'desc' } = isFields(query) ? query : {}
  if (order !== 'asc' && order !== 'desc') throw invalid('order', 'order must be "asc" or "desc"')
  const ordered = order === 'asc' ? items : items.toReversed()
  const last = after === undefined ? -1 : ordered.findIndex(({ id }) => id === after)
  if (after !== undefined && last === -1)
    throw invalid('after', 'after is no item of this response')
  const size = limit === undefined || limit === '' ? PAGE_ITEMS : Number(limit)
  if (!Number.isInteger(size) || size < 1 || size > PAGE_ITEMS_MAX) {
    throw invalid('limit', `limit must be from 1 to ${PAGE_ITEMS_MAX}`)
  }
  const data = ordered.slice(last + 1, last + 1 + size)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: last + 1 + size < ordered.length
  }
}
