/** The worker's side of a download: starts the process, hears how it goes, and ends it. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { HaifError } from '#shared/errors.ts'
import { LogTail } from '../../engines/log-tail.ts'
import { mayPass } from '../sources/hub.ts'
import type { HubFile } from './locate.ts'
import type { DownloadedFile, DownloadHooks, DownloadTask, FromDownload } from './messages.ts'

/** What a server sends is never kept in memory; a process that grows has gone wrong. */
const MEMORY_MB_MAX = 192
/** Different faults of one download that are told. */
const SAID_MAX = 16
/** Time to keep what has arrived. */
const END_MS_MAX = 2000

/** Rejects with DOWNLOAD_FAILED, or with the signal's reason. */
export async function download(
  task: DownloadTask,
  hooks: DownloadHooks,
  signal?: AbortSignal
): Promise<DownloadedFile[]> {
  const ended = await run(task, hooks, signal)
  return ended.kind === 'done' ? ended.files : []
}

/** What the hub says of the files, and nothing of them. Rejects as `download` does. */
export async function locate(
  task: DownloadTask,
  onFault: DownloadHooks['onFault'],
  signal?: AbortSignal
): Promise<HubFile[]> {
  const asked = { ...task, onlyLocates: true }
  const ended = await run(asked, { onProgress: () => {}, onFault }, signal)
  return ended.kind === 'located' ? ended.files : []
}

type Ended = Extract<FromDownload, { kind: 'done' | 'located' }>

async function run(
  task: DownloadTask,
  { onProgress, onFault }: DownloadHooks,
  signal?: AbortSignal
): Promise<Ended> {
  signal?.throwIfAborted()
  const child = fork(CHILD, [], {
    execArgv: [`--max-old-space-size=${MEMORY_MB_MAX}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  const tail = new LogTail()
  tail.read(child.stderr!)
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  const said = new Set<string>() // at most SAID_MAX
  const sayOnce = (fault: string) => {
    if (said.has(fault) || said.size >= SAID_MAX) return
    said.add(fault)
    onFault(`${task.uri.text}: ${fault}`)
  }
  child.on('message', (message: FromDownload) => {
    if (message.kind === 'progress') onProgress(message)
    else if (message.kind === 'fault') sayOnce(message.message)
    else if (message.kind === 'failed') reject(failureOf(message))
    else resolve(message)
  })
  child.on('error', (error) => reject(mayPass(task.uri, `its process (${error.message})`, error)))
  child.on('exit', (code, killedBy) => {
    const how = killedBy ?? `exit code ${code}`
    const ended = (words: string | null) => {
      const last = words === null ? '' : `: ${words}`
      return mayPass(task.uri, `its process ended (${how}${last}); it is tried again`)
    }
    void tail.reason().then((words) => reject(ended(words)))
  })
  const onAbort = () => {
    reject(signal?.reason)
    if (child.connected) child.disconnect()
    setTimeout(() => child.kill('SIGKILL'), END_MS_MAX).unref()
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  child.send({ kind: 'start', task }, () => {}) // 'exit' reports a channel that has closed
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function failureOf({ message, retryAfterMs }: Extract<FromDownload, { kind: 'failed' }>) {
  return new HaifError(
    'DOWNLOAD_FAILED',
    message,
    retryAfterMs === undefined ? {} : { retryAfterMs }
  )
}

const CHILD = fileURLToPath(new URL('download-child.ts', import.meta.url))
