/**
 * Conversations in the browser's own database, one record each. Nothing leaves this browser.
 * Where there is no database (some private windows) they live as long as the page.
 */
import type { Conversation } from './tree.ts'

const NAME = 'haif-chat'
const STORE = 'conversations'
/** From here on a person is told that the room of the browser ends soon. */
const NEARLY_FULL = 0.8

let opened: Promise<IDBDatabase | null> | null = null

/** Null: there is none. */
function database(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    let request: IDBOpenDBRequest
    try {
      request = indexedDB.open(NAME, 1)
    } catch {
      resolve(null) // forbidden by the browser's settings
      return
    }
    request.addEventListener('upgradeneeded', () =>
      request.result.createObjectStore(STORE, { keyPath: 'id' })
    )
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => resolve(null))
  })
  return opened
}

/** Newest first. */
export async function loadAll(): Promise<Conversation[]> {
  const found = await run<Conversation[]>('readonly', (store) => store.getAll())
  return (found ?? []).toSorted((a, b) => b.updatedAt - a.updatedAt)
}

export async function load(id: string): Promise<Conversation | undefined> {
  return run<Conversation | undefined>('readonly', (store) => store.get(id))
}

export async function save(conversation: Conversation): Promise<void> {
  await run('readwrite', (store) => store.put(conversation))
}

export async function remove(id: string): Promise<void> {
  await run('readwrite', (store) => store.delete(id))
}

/** Asks the browser not to clear this when it needs room, and says whether room ends soon. */
export async function isNearlyFull(): Promise<boolean> {
  // Only secure pages have it.
  const { storage } = navigator as { storage?: StorageManager }
  if (storage === undefined) return false
  await storage.persist()
  const { usage = 0, quota = Infinity } = await storage.estimate()
  return usage > quota * NEARLY_FULL
}

async function run<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest
): Promise<T | undefined> {
  const db = await database()
  if (db === null) return undefined
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(STORE, mode)
    const request = work(transaction.objectStore(STORE))
    transaction.addEventListener('complete', () => resolve(request.result as T))
    for (const end of ['error', 'abort'] as const) {
      transaction.addEventListener(end, () => reject(transaction.error ?? new Error(end)))
    }
  })
}
