/**
 * Downloads the files of a model: looks where they are, whether there is room for them, and brings
 * one after the other. Runs in a process of its own (download-child.ts).
 */
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { backoffMs } from '#shared/kit/backoff.ts'
import { failed, mayPass, type HubUri } from '../sources/hub.ts'
import { writeRecord } from '../sources/local-model.ts'
import { partsOf } from '../split-files.ts'
import { diskRoom, noRoom } from './disk-room.ts'
import { locateModel, type HubFile } from './locate.ts'
import type { DownloadedFile, DownloadHooks, DownloadLimits, DownloadTask } from './messages.ts'
import { SpeedMeter } from './speed-meter.ts'
import { asksAgain, DamagedOnItsWay, Transfer } from './transfer.ts'
import { Web, WebFault } from './web.ts'

const DOWNLOAD_LIMITS: DownloadLimits = {
  silentMs: 30_000,
  slowMs: 30_000,
  slowBytes: 30_000,
  pauseMs: 500,
  failuresMax: 20,
  waitMsMax: 60_000
}
/** Questions about where the files are, before any of them comes. */
const LOCATE_TRIES = 3

export async function downloadModel(
  { uri, hub, folder, limits: given }: DownloadTask,
  { onProgress, onFault }: DownloadHooks,
  signal: AbortSignal
): Promise<DownloadedFile[]> {
  const limits = { ...DOWNLOAD_LIMITS, ...given }
  const web = new Web(hub, limits.silentMs)
  try {
    const remote = await locate(uri, { hub, web, limits, signal, onFault })
    const paths = pathsOf(uri, remote, folder)
    await assertRoom(uri, remote, paths)
    const known = remote.every(({ sizeBytes }) => sizeBytes !== null)
    const totalBytes = known ? remote.reduce((sum, each) => sum + (each.sizeBytes ?? 0), 0) : null
    const meter = new SpeedMeter(() => performance.now())
    const files: DownloadedFile[] = []
    let before = 0
    for (const [i, path] of paths.entries()) {
      let here = 0
      const onBytes = (bytes: number, ofFile: number | null) => {
        here = bytes
        const total = paths.length === 1 ? (totalBytes ?? ofFile) : totalBytes
        const bytesPerSecond = meter.measured(before + bytes)
        onProgress({ bytes: before + bytes, totalBytes: total, bytesPerSecond })
      }
      const asked = { uri, hub, web, limits, signal, onBytes, onFault }
      const digest = await bring(remote[i]!, path, asked)
      before += here
      files.push({ path, digest })
    }
    return files
  } finally {
    web.close()
  }
}

/** What the hub says of the files of a model. */
export async function locateFiles(
  { uri, hub, limits: given }: DownloadTask,
  onFault: DownloadHooks['onFault'],
  signal: AbortSignal
): Promise<HubFile[]> {
  const limits = { ...DOWNLOAD_LIMITS, ...given }
  const web = new Web(hub, limits.silentMs)
  try {
    return await locate(uri, { hub, web, limits, signal, onFault })
  } finally {
    web.close()
  }
}

/** Files are named after the model, so that two quantisations of one name stay apart. */
function pathsOf(uri: HubUri, remote: readonly HubFile[], folder: string): string[] {
  if (remote.length === 1) return [join(folder, `${uri.name}.gguf`)]
  const total = String(remote.length).padStart(5, '0')
  return partsOf(join(folder, `${uri.name}-00001-of-${total}.gguf`))
}

async function locate(
  uri: HubUri,
  deps: Pick<
    ConstructorParameters<typeof Transfer>[2],
    'hub' | 'web' | 'limits' | 'signal' | 'onFault'
  >
): Promise<HubFile[]> {
  const { limits, signal, onFault } = deps
  for (let tries = 1; ; tries++) {
    try {
      return await locateModel(uri, deps)
    } catch (error) {
      if (!(error instanceof WebFault)) throw error
      const { retryAfterMs = 0, message } = error
      if (tries === LOCATE_TRIES || retryAfterMs > limits.waitMsMax) {
        throw mayPass(uri, `${message}; check the network and HF_ENDPOINT`, error, retryAfterMs)
      }
      onFault(asksAgain(message))
      const pause = backoffMs({ firstMs: limits.pauseMs, maxMs: limits.waitMsMax }, tries, 0)
      await sleep(Math.max(retryAfterMs, pause), undefined, { signal })
    }
  }
}

async function assertRoom(
  uri: HubUri,
  remote: readonly HubFile[],
  paths: readonly string[]
): Promise<void> {
  const folder = dirname(paths[0]!)
  const here = await Promise.all(paths.map((path) => bytesOnDisk(path)))
  const needed = remote.map(({ sizeBytes }, i) => Math.max(0, (sizeBytes ?? 0) - here[i]!))
  const sum = needed.reduce((all, bytes) => all + bytes, 0)
  const room = await diskRoom(folder)
  if (sum > room.freeBytes) throw failed(uri, noRoom(sum, folder, room))
}

/** Of the file, or of what an earlier try has left of it. */
async function bytesOnDisk(path: string): Promise<number> {
  const stats = await Promise.all(
    [path, `${path}.part`].map((file) => stat(file).catch(() => null))
  )
  return Math.max(...stats.map((found) => (found?.blocks ?? 0) * 512))
}

/** What arrives damaged is fetched once more: networks do that, and hubs mend their files. */
async function bring(
  remote: HubFile,
  path: string,
  deps: ConstructorParameters<typeof Transfer>[2]
): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      const digest = await new Transfer(remote, path, deps).run()
      await writeRecord(path, digest)
      return digest
    } catch (error) {
      if (!(error instanceof DamagedOnItsWay)) throw error
      if (tries === 2) throw damaged(deps.uri, path, deps.hub.endpoint)
      deps.onFault(asksAgain(wrongDigest(path, deps.hub.endpoint)))
    }
  }
}

const wrongDigest = (path: string, endpoint: string): string =>
  `the SHA-256 of ${basename(path)} is not the one that ${endpoint} gives`

function damaged({ text }: HubUri, path: string, endpoint: string): HaifError {
  return new HaifError(
    'DOWNLOAD_FAILED',
    `${text} was damaged on its way, twice (${wrongDigest(path, endpoint)}): ` +
      'something between changes it, so try another network or another HF_ENDPOINT'
  )
}
