/**
 * Fetches a model of the hub: downloads its files the first time, and finds them on this machine
 * ever after, also without a network. A file counts as present when it has its name, which it gets
 * last, and its SHA-256 is recorded beside it; a download that broke off goes on from there.
 */
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { download } from '../download/download.ts'
import type { DownloadLimits, DownloadProgress } from '../download/messages.ts'
import type { Hub, HubUri } from './hub.ts'
import { findModel, type LocalModel } from './local-model.ts'

export interface FetchDeps {
  folder: string
  hub: Hub
  onProgress: (progress: DownloadProgress) => void
  /** Called with why a server is asked again. */
  onFault?: ((message: string) => void) | undefined
  /** Ends the download; what has arrived is kept. */
  signal?: AbortSignal | undefined
  limits?: Partial<DownloadLimits>
}

/** Downloads of this process that are under way, by the model's place; one for each model. */
const underWay = new Map<string, Promise<LocalModel>>()

/** Downloads once for many callers: the others wait, in this process or another. */
export async function fetchModel(uri: HubUri, deps: FetchDeps): Promise<LocalModel> {
  const folder = folderOf(uri, deps.folder)
  const here = await findModel(folder, uri.name)
  if (here !== null) return here
  const place = join(folder, uri.name)
  const known = underWay.get(place)
  if (known !== undefined) return known
  const fetching = fetchInto(folder, uri, deps).finally(() => underWay.delete(place))
  underWay.set(place, fetching)
  return fetching
}

/** Its files and their records. False: it was not here. The next fetch brings it again. */
export async function removeModel(uri: HubUri, models: string): Promise<boolean> {
  const here = await findModel(folderOf(uri, models), uri.name)
  for (const { path } of here?.files ?? []) {
    await rm(`${path}.sha256`, { force: true }) // first: without its record it is not there
    await rm(path, { force: true })
  }
  return here !== null
}

async function fetchInto(folder: string, uri: HubUri, deps: FetchDeps): Promise<LocalModel> {
  const { hub, limits = {}, onProgress, onFault = () => {}, signal } = deps
  await mkdir(folder, { recursive: true })
  const files = await download({ uri, hub, folder, limits }, { onProgress, onFault }, signal)
  return { entry: files[0]!.path, files }
}

/** Folders are laid out as on the hub, so that two files of one name stay apart. */
function folderOf({ user, repo, revision, wanted }: HubUri, models: string): string {
  const folder = join(models, user, revision === 'main' ? repo : `${repo}@${revision}`)
  return wanted.kind === 'file' ? join(folder, dirname(wanted.path)) : folder
}
