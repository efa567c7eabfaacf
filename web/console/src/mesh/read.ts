/** Reads an address of the bridge for a screen, and again when something of it has changed. */
import { signal, useSignalEffect, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { access } from '../../../ui/mesh/access.ts'
import { MeshError, type Failure } from '../../../ui/mesh/failure.ts'
import { send } from '../../../ui/mesh/http.ts'

const READ_MS_MAX = 15_000
/** What was read last under so many addresses: going back shows it at once. */
const READS_MAX = 64

interface Read<T> {
  /** What was read last; null until then. */
  data: T | null
  /** Why the last attempt failed; null when it did not. */
  failure: Failure | null
}

interface Kept {
  state: Signal<Read<unknown>>
  running: Promise<void> | null
  /** Asked for while one was running: what that one reads may be too old. */
  again: boolean
}

const kept = new Map<string, Kept>()

/** `path` null reads nothing. It is read again every `everyMs` while the page is looked at. */
export function useRead<T>(path: string | null, everyMs: number): Read<T> {
  const entry = path === null ? null : keptOf(path)
  useEffect(() => {
    if (path === null) return
    void load(path)
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void load(path)
    }, everyMs)
    return () => clearInterval(timer)
  }, [path, everyMs])
  // Another token sees something else.
  useSignalEffect(() => {
    if (access.value !== undefined && path !== null) void load(path)
  })
  return (entry?.state.value ?? NOTHING) as Read<T>
}

const NOTHING: Read<unknown> = { data: null, failure: null }

/** Reads once more what screens show under addresses that begin so. */
export function refresh(...beginnings: string[]): void {
  // To load one moves it to the end, so the addresses are gathered first.
  const changed = [...kept.keys()].filter((path) =>
    beginnings.some((beginning) => path.startsWith(beginning))
  )
  for (const path of changed) void load(path)
}

/** Forgets what only a token could see. */
export function forgetReads(): void {
  for (const { state } of kept.values()) state.value = NOTHING
}

export async function readOnce<T>(path: string, token?: string): Promise<T> {
  const init = { signal: AbortSignal.timeout(READ_MS_MAX) }
  const response = token === undefined ? await send(path, init) : await send(path, init, token)
  return (await response.json()) as T
}

async function load(path: string): Promise<void> {
  const entry = keptOf(path)
  if (entry.running !== null) {
    entry.again = true
    return
  }
  do {
    entry.again = false
    entry.running = readInto(entry.state, path)
    await entry.running
    entry.running = null
  } while (entry.again)
}

async function readInto(state: Kept['state'], path: string): Promise<void> {
  try {
    state.value = { data: await readOnce(path), failure: null }
  } catch (error) {
    state.value = { data: state.peek().data, failure: failureOf(error) }
  }
}

function keptOf(path: string): Kept {
  const known = kept.get(path)
  if (known !== undefined) {
    kept.delete(path) // and to the end, as the one that was used last
    kept.set(path, known)
    return known
  }
  const made: Kept = { state: signal(NOTHING), running: null, again: false }
  kept.set(path, made)
  if (kept.size > READS_MAX) kept.delete(kept.keys().next().value!)
  return made
}

export function failureOf(error: unknown): Failure {
  if (error instanceof MeshError) return error.failure
  return { code: 'OFFLINE', message: 'HAIF does not answer. See whether it runs.', remedy: 'retry' }
}
