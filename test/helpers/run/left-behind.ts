/**
 * Files that share a process must not feel each other: what one changes for all and does not put
 * back makes the next one fail for a reason that is not in it. So the file that left it fails.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { until } from '../until.ts'
import { keptOpen } from './end-of-process.ts'

/** Whatever listens, connects or runs; no timers, as packages keep some for a while. */
const COUNTED = ['TCPServerWrap', 'TCPSocketWrap', 'PipeWrap', 'ProcessWrap', 'UDPWRAP', 'Worker']
/** Sockets close a moment after their owner has. */
const CLOSE_MS_MAX = 5000

interface Shared {
  globals: readonly unknown[]
  folder: string
  environment: Record<string, string | undefined>
  handles: number
}

/** Called before a file; what it returns is called after it, and throws what has changed. */
export function watchLeftBehind({ closeMsMax = CLOSE_MS_MAX } = {}): () => Promise<void> {
  const before = shared()
  return async () => {
    const extra = () => open().length - keptOpen() - before.handles
    await until(() => extra() <= 0, closeMsMax).catch(() => {})
    const now = shared()
    assert.deepEqual(now.environment, before.environment, 'the environment is changed')
    assert.equal(now.folder, before.folder, 'the working directory is changed')
    const changed = now.globals.filter((value, i) => value !== before.globals[i])
    assert.deepEqual(changed, [], 'time, randomness or fetch is still mocked')
    assert.ok(extra() <= 0, `${extra()} more open than before: ${open().join(' ')}`)
  }
}

function shared(): Shared {
  return {
    globals: [setTimeout, setInterval, setImmediate, Date, Math.random, fetch],
    folder: process.cwd(),
    environment: { ...process.env },
    handles: open().length - keptOpen()
  }
}

const open = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => COUNTED.includes(name))
