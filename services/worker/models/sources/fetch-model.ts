/**
 * Fetches a model: from workers that have it or from the hub the first time, and finds it on this
 * machine ever after, also without a network. A file counts as present when it has its name, which
 * it gets last, and its SHA-256 is recorded beside it; what broke off goes on from there.
 */
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { download, locate } from '../download/download.ts'
import type { DownloadLimits, DownloadProgress, DownloadTask } from '../download/messages.ts'
import { digestOfParts } from '../file-digest.ts'
import type { Hub, HubUri } from './hub.ts'
import { findModel, type LocalModel } from './local-model.ts'
import type { PeerWeights, WantedWeights } from './peer-weights.ts'

export interface FetchDeps {
  folder: string
  hub: Hub
  onProgress: (progress: DownloadProgress) => void
  /** Called with why a server is asked again. */
  onFault?: ((message: string) => void) | undefined
  /** Ends the download; what has arrived is kept. */
  signal?: AbortSignal | undefined
  limits?: Partial<DownloadLimits>
  /** Other workers that may have it. */
  peers?: PeerWeights | undefined
  /** SHA-256 of the model, where whoever ordered it has said it. */
  digest?: string | undefined
}

/** Fetches of this process that are under way, by the model's place; one for each model. */
const underWay = new Map<string, Promise<LocalModel>>()

/** Fetches once for many callers: the others wait, in this process or another. */
export function fetchModel(uri: HubUri, deps: FetchDeps): Promise<LocalModel> {
  const folder = folderOf(uri, deps.folder)
  return once(folder, uri.name, () => fetchInto(folder, uri, deps))
}

/** A model that workers of the mesh have, and perhaps no hub. */
export function fetchOfMesh(digest: string, deps: Omit<FetchDeps, 'hub'>): Promise<LocalModel> {
  const folder = join(deps.folder, MESH_FOLDER, digest)
  return once(folder, MESH_NAME, async () => {
    const found = await fromPeers({ digest, folder, name: MESH_NAME }, deps)
    if (found !== null) return found
    const message = `no worker that can be reached now has the model with the SHA-256 ${digest}`
    throw new HaifError('DOWNLOAD_FAILED', message, { retryAfterMs: MESH_AGAIN_MS })
  })
}

/** Its files and their records. False: it was not here. The next fetch brings it again. */
export const removeModel = (uri: HubUri, models: string): Promise<boolean> =>
  remove(folderOf(uri, models), uri.name)

export const removeOfMesh = (digest: string, models: string): Promise<boolean> =>
  remove(join(models, MESH_FOLDER, digest), MESH_NAME)

/** The path that the names of its files begin with. */
export const placeOf = (uri: HubUri, models: string): string =>
  join(folderOf(uri, models), uri.name)

export const placeOfMesh = (digest: string, models: string): string =>
  join(models, MESH_FOLDER, digest, MESH_NAME)

/** No user of the hub has such a name. */
const MESH_FOLDER = '.mesh'
const MESH_NAME = 'model'
const MESH_AGAIN_MS = 10_000

async function once(
  folder: string,
  name: string,
  fetch: () => Promise<LocalModel>
): Promise<LocalModel> {
  const here = await findModel(folder, name)
  if (here !== null) return here
  const place = join(folder, name)
  const known = underWay.get(place)
  if (known !== undefined) return known
  const fetching = fetch().finally(() => underWay.delete(place))
  underWay.set(place, fetching)
  return fetching
}

async function remove(folder: string, name: string): Promise<boolean> {
  const here = await findModel(folder, name)
  for (const { path } of here?.files ?? []) {
    await rm(`${path}.sha256`, { force: true }) // first: without its record it is not there
    await rm(path, { force: true })
  }
  return here !== null
}

/** From other workers where they have it, which costs no internet; else from the hub. */
async function fetchInto(folder: string, uri: HubUri, deps: FetchDeps): Promise<LocalModel> {
  const { hub, limits = {}, onProgress, onFault = () => {}, signal } = deps
  await mkdir(folder, { recursive: true })
  const task = { uri, hub, folder, limits }
  const digest = (await digestOnHub(task, deps)) ?? deps.digest ?? null
  if (digest !== null) {
    const found = await fromPeers({ digest, folder, name: uri.name }, deps).catch(
      (error: unknown) => {
        signal?.throwIfAborted()
        onFault(`${uri.text} comes from the hub: ${reasonOf(error)}`)
        return null
      }
    )
    if (found !== null) return found
  }
  const files = await download(task, { onProgress, onFault }, signal)
  await deps.peers?.makeRoom()
  return { entry: files[0]!.path, files }
}

/**
 * Null where no peer has the model, or the hub does not say in time. Its word comes before that of
 * an order, which has its digest from what other workers report.
 */
async function digestOnHub(task: DownloadTask, deps: FetchDeps): Promise<string | null> {
  const { peers, onFault = () => {}, signal = FOREVER } = deps
  if (peers === undefined) return null
  if (deps.digest === undefined && !(await peers.mayHave(task.uri.text, signal))) return null
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(HUB_WORD_MS_MAX)])
    const files = await locate(task, onFault, soon)
    const digests = files.flatMap(({ sha256 }) => sha256 ?? [])
    return digests.length === files.length && digests.length > 0 ? digestOfParts(digests) : null
  } catch {
    signal.throwIfAborted()
    return null // the download says why
  }
}

async function fromPeers(
  wanted: WantedWeights,
  { peers, onProgress, onFault = () => {}, signal = FOREVER }: Omit<FetchDeps, 'hub'>
): Promise<LocalModel | null> {
  return (await peers?.fetch(wanted, { onProgress, onFault, signal })) ?? null
}

/** A mesh without internet does not wait for the hub. */
const HUB_WORD_MS_MAX = 10_000

/** Of a caller that gives nothing up. */
const FOREVER = new AbortController().signal

/** Folders are laid out as on the hub, so that two files of one name stay apart. */
function folderOf({ user, repo, revision, wanted }: HubUri, models: string): string {
  const folder = join(models, user, revision === 'main' ? repo : `${repo}@${revision}`)
  return wanted.kind === 'file' ? join(folder, dirname(wanted.path)) : folder
}
