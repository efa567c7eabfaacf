/**
 * Looks again and again whether files have changed: each second, and at once where the system
 * reports a change. Network folders report none, which is why there is a clock beside it.
 */
import { watch, type FSWatcher } from 'node:fs'

const LOOK_MS = 1000

/** `isSame` is asked one at a time, until it resolves to false. */
export function watchFiles(paths: readonly string[], isSame: () => Promise<boolean>): Disposable {
  let isOver = false
  let isLooking = false
  let again = false
  const watchers = paths.flatMap((path) => watcherOf(path, () => void look()) ?? [])
  const timer = setInterval(() => void look(), LOOK_MS)
  timer.unref()
  const end = () => {
    isOver = true
    clearInterval(timer)
    for (const watcher of watchers) watcher.close()
  }

  async function look(): Promise<void> {
    again = isLooking // what changed during a look is looked at after it
    if (isOver || isLooking) return
    isLooking = true
    const same = await isSame()
    isLooking = false
    if (!same) end()
    else if (again) await look()
  }
  void look() // what changed before there was a watch
  return { [Symbol.dispose]: end }
}

/** Null where the system has no more watches, or no such file any more: the clock sees that. */
function watcherOf(path: string, onEvent: () => void): FSWatcher | null {
  try {
    const watcher = watch(path, { persistent: false }, onEvent)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}
