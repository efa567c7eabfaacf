/** Lists in pages: a reply holds 4 MiB, and a mesh has more to say than one can hold. */
const PAGE_BYTES_MAX = 2 * 1024 * 1024

interface Page<Item> {
  items: Item[]
  next?: string
}

/** `next` is the id of the last one on the page. An item that has gone is no obstacle. */
export function pageOf<Item extends { id: string }>(
  all: readonly Item[],
  { limit, after }: { limit: number; after?: string | undefined }
): Page<Item> {
  const sorted = all.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const rest = after === undefined ? sorted : sorted.filter(({ id }) => id > after)
  const items: Item[] = []
  let bytes = 0
  for (const item of rest) {
    bytes += Buffer.byteLength(JSON.stringify(item))
    if (items.length >= limit || (items.length > 0 && bytes > PAGE_BYTES_MAX)) {
      return { items, next: items.at(-1)!.id }
    }
    items.push(item)
  }
  return { items }
}
