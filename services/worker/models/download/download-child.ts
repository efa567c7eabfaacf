/**
 * The process that downloads a model. Whatever a server sends, and whatever HTTP makes of it, only
 * this process can end of it. It has no other work, and ends with the worker that started it.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toHaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import { findModel } from '../sources/local-model.ts'
import { downloadModel, locateFiles } from './download-model.ts'
import type {
  DownloadedFile,
  DownloadHooks,
  DownloadProgress,
  FromDownload,
  ToDownload
} from './messages.ts'

const PROGRESS_MS = 200
/** How often to check whether another process has finished the same download. */
const LOCK_POLL_MS = 250

// Ctrl-C goes to the whole process group, but the worker decides when its download ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

const stop = new AbortController()
process.on('disconnect', () => stop.abort(new Error('the worker is gone')))
process.on('message', ({ task }: ToDownload) => void run(task))

async function run(task: ToDownload['task']): Promise<void> {
  const { onProgress, stop: stopTelling } = telling()
  try {
    const onFault = (message: string) => send({ kind: 'fault', message })
    if (task.onlyLocates === true) {
      send({ kind: 'located', files: await locateFiles(task, onFault, stop.signal) })
    } else send({ kind: 'done', files: await downloadOnce(task, { onProgress, onFault }) })
  } catch (error) {
    const { code, message, retryAfterMs } = toHaifError(error)
    const isOurs = code === 'DOWNLOAD_FAILED'
    const said = isOurs ? message : `${task.uri.text} cannot be downloaded: ${reasonOf(error)}`
    send({ kind: 'failed', message: said, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  } finally {
    stopTelling()
  }
  if (process.connected) process.disconnect()
}

/**
 * Sends progress at most every PROGRESS_MS, and the latest of it always: a line may become silent
 * just after, and then nothing else would tell what has arrived.
 */
function telling() {
  let latest: DownloadProgress | null = null
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    timer = undefined
    if (latest === null) return
    send({ kind: 'progress', ...latest })
    latest = null
    timer = setTimeout(tell, PROGRESS_MS)
  }
  const onProgress = (progress: DownloadProgress) => {
    latest = progress
    if (timer !== undefined && progress.bytes !== progress.totalBytes) return
    clearTimeout(timer)
    tell()
  }
  return { onProgress, stop: () => clearTimeout(timer) }
}

/** The process that writes holds the lock: a worker that was killed may leave it behind. */
async function downloadOnce(
  task: ToDownload['task'],
  hooks: DownloadHooks
): Promise<DownloadedFile[]> {
  const { folder, uri } = task
  const lock = await lockWhenFree(join(folder, `${uri.name}.lock`))
  try {
    const found = await findModel(folder, uri.name)
    return found?.files ?? (await downloadModel(task, hooks, stop.signal))
  } finally {
    lock.release()
  }
}

async function lockWhenFree(file: string): Promise<FileLock> {
  for (;;) {
    stop.signal.throwIfAborted()
    const lock = lockFile(file)
    if (lock !== null) return lock
    await sleep(LOCK_POLL_MS)
  }
}

function send(message: FromDownload): void {
  if (process.connected) process.send?.(message)
}
