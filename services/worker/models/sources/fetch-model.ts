/**
 * Fetches a model of the hub: downloads its files the first time, and finds them on this machine
 * ever after, also without a network. A file counts as present once its SHA-256 is recorded
 * beside it, the last step of its download; a download that broke off before goes on from there.
 */
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import { failed, locateModel, mayPass, type Hub, type HubFile, type HubUri } from './hub.ts'
import { digestOfFile, readRecord, writeRecord, type LocalModel } from './recorded-digest.ts'

/** How often to check whether another process has finished the same download. */
const LOCK_POLL_MS = 250

export interface FetchDeps {
  folder: string
  hub: Hub
  onProgress: (fraction: number) => void
  freeBytes?: (folder: string) => Promise<number>
}

/** Downloads once for many callers: the others wait, in this process or another. */
export async function fetchModel(uri: HubUri, deps: FetchDeps): Promise<LocalModel> {
  const folder = folderOf(uri, deps.folder)
  const here = await findModel(folder, uri.name)
  if (here !== null) return here
  await mkdir(folder, { recursive: true })
  const lock = await lockWhenFree(join(folder, `${uri.name}.lock`))
  try {
    return (await findModel(folder, uri.name)) ?? (await download(uri, folder, deps))
  } finally {
    lock.release()
  }
}

/** Folders are laid out as on the hub, so that two files of one name stay apart. */
function folderOf({ user, repo, revision, wanted }: HubUri, models: string): string {
  const folder = join(models, user, revision === 'main' ? repo : `${repo}@${revision}`)
  return wanted.kind === 'file' ? join(folder, dirname(wanted.path)) : folder
}

async function findModel(folder: string, name: string): Promise<LocalModel | null> {
  const present = new Set(await readdir(folder).catch(() => []))
  const entry = [...present].find(
    (file) =>
      file === `${name}.gguf` || (file.startsWith(`${name}-00001-of-`) && file.endsWith('.gguf'))
  )
  if (entry === undefined) return null
  const paths = filesOf(entry).map((file) => join(folder, file))
  const digests = await Promise.all(paths.map((path) => readRecord(path)))
  const files = paths.flatMap((path, i) => {
    const digest = digests[i] ?? null
    return digest === null || !present.has(basename(path)) ? [] : [{ path, digest }]
  })
  return files.length === paths.length ? { entry: paths[0]!, files } : null
}

/** `x-00001-of-00003.gguf` is one of three. */
function filesOf(entry: string): string[] {
  const total = /-00001-of-(\d{5})\.gguf$/.exec(entry)?.[1]
  if (total === undefined) return [entry]
  return Array.from({ length: Number(total) }, (_, i) =>
    entry.replace('-00001-of-', `-${String(i + 1).padStart(5, '0')}-of-`)
  )
}

async function lockWhenFree(file: string): Promise<FileLock> {
  for (;;) {
    const lock = lockFile(file)
    if (lock !== null) return lock
    await sleep(LOCK_POLL_MS)
  }
}

async function download(uri: HubUri, folder: string, deps: FetchDeps): Promise<LocalModel> {
  const remote = await locateModel(deps.hub, uri)
  await assertRoom(uri, remote, folder, deps.freeBytes ?? freeBytesOf)
  const entry = await transfer(uri, remote, folder, deps)
  const files: LocalModel['files'] = []
  for (const [i, file] of filesOf(basename(entry)).entries()) {
    const path = join(folder, file)
    files.push({ path, digest: await checkArrived(uri, path, remote[i]!) })
  }
  for (const { path, digest } of files) await writeRecord(path, digest)
  return { entry, files }
}

async function assertRoom(
  uri: HubUri,
  remote: readonly HubFile[],
  folder: string,
  freeBytes: (folder: string) => Promise<number>
): Promise<void> {
  const needed = remote.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)
  const free = (await freeBytes(folder)) + (await partialBytes(folder, uri.name))
  if (needed <= free) return
  throw failed(
    uri,
    `it needs ${gigabytes(needed)} GB and ${dirname(folder)} has room for ${gigabytes(free)}; ` +
      'make room, or set HAIF_HOME to a folder on a larger disk'
  )
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1)

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Bytes on the disk from an earlier try. */
async function partialBytes(folder: string, name: string): Promise<number> {
  const names = await readdir(folder)
  const partial = names.filter((file) => {
    const rest = file.startsWith(name) ? file.slice(name.length) : ''
    return /^(-\d{5}-of-\d{5})?\.gguf(\.ipull)?$/.test(rest)
  })
  const stats = await Promise.all(partial.map((file) => stat(join(folder, file))))
  return stats.reduce((sum, { blocks }) => sum + blocks * 512, 0)
}

/**
 * The library fetches with several connections, retries what the network breaks, and keeps what
 * has arrived in `<file>.ipull`. The address of a large file expires after an hour, so each try
 * that has brought something is followed by another one.
 */
async function transfer(
  uri: HubUri,
  remote: readonly HubFile[],
  folder: string,
  { hub, onProgress }: FetchDeps
): Promise<string> {
  const { createModelDownloader } = await import('node-llama-cpp')
  let arrived = 0
  for (;;) {
    const arrivedBefore = arrived
    try {
      const downloader = await createModelDownloader({
        modelUri: remote[0]!.url,
        dirPath: folder,
        fileName: `${uri.name}.gguf`,
        deleteTempFileOnCancel: false,
        endpoints: { huggingFace: hub.endpoint },
        tokens: hub.token === undefined ? {} : { huggingFace: hub.token },
        onProgress({ totalSize, downloadedSize }) {
          arrived = Math.max(arrived, downloadedSize)
          if (totalSize > 0) onProgress(Math.min(1, downloadedSize / totalSize))
        }
      })
      return await downloader.download()
    } catch (error) {
      if (arrived > arrivedBefore) continue
      const remedy = 'run the same command again, and it goes on where it broke off'
      throw mayPass(uri, `${reasonOf(error)}; ${remedy}`, error)
    }
  }
}

/** Deletes a file that differs from the hub's, so that the next try begins anew. */
async function checkArrived(uri: HubUri, path: string, remote: HubFile): Promise<string> {
  const digest = await digestOfFile(path)
  if (remote.sha256 === null || remote.sha256 === digest) return digest
  await rm(path)
  throw new HaifError(
    'DOWNLOAD_FAILED',
    `${uri.text} was damaged on its way (its SHA-256 is not the one of the hub); run the same command again`
  )
}
