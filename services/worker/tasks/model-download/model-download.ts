/** The task `model_download`: brings a model of the hub to this machine, and into this worker. */
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import { check } from '#shared/rpc/check.ts'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { DownloadProgress } from '../../models/download/messages.ts'
import { fetchModel } from '../../models/sources/fetch-model.ts'
import { parseHubUri, type Hub, type HubUri } from '../../models/sources/hub.ts'
import type { LocalModel } from '../../models/sources/local-model.ts'
import { ItemQueue } from '../item-queue.ts'
import type { TaskContext, TaskKind } from '../task-kind.ts'

const Text = Type.String({ minLength: 1, maxLength: 512 })
const DownloadInput = Type.Object({
  /** `hf:user/repo:QUANT` or `hf:user/repo/file.gguf`; or a name, with the URI in `source`. */
  model: Text,
  source: Type.Optional(Text),
  /** The name that clients use. */
  name: Type.Optional(Text),
  /** Of its first file; another one fails the task. */
  sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' }))
})
const validator = Compile(DownloadInput)

/** What the worker does with models. */
interface ServedModels {
  /** The digest of a model that it holds already; empty where nobody has looked into its file. */
  held: (name: string) => string | undefined
  /** Serves the model from now on; it is loaded with its first request. */
  serve: (model: { name: string; uri: string }) => void
}

export interface ModelDownloadDeps extends ServedModels {
  folder: string
  hub: Hub
}

export class ModelDownload implements TaskKind {
  readonly type = 'model_download'
  readonly #deps: ModelDownloadDeps

  constructor(deps: ModelDownloadDeps) {
    this.#deps = deps
  }

  async *run(given: unknown, { signal }: TaskContext): AsyncGenerator<TaskItem, TaskResult, void> {
    const { model, source = model, name: wished, sha256 } = check(validator, given, 'input')
    const { folder, hub, held, serve } = this.#deps
    const digest = source === model ? held(model) : undefined
    if (digest !== undefined) return { output: { model, sha256: digest, bytes: 0, path: '' } }
    const uri = hubUri(source)
    const name = wished ?? (source === model ? uri.name : model)
    const queue = new ItemQueue()
    const onProgress = (progress: DownloadProgress) => queue.add(itemOf(progress))
    const local = yield* queue.until(fetchModel(uri, { folder, hub, onProgress, signal }))
    assertDigest(uri, local, sha256)
    serve({ name, uri: uri.text })
    const sizes = await Promise.all(local.files.map(async ({ path }) => (await stat(path)).size))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    const [first] = local.files
    const path = basename(local.entry) // the rest of it is nobody's business
    return { output: { model: name, sha256: first!.digest, bytes, path } }
  }
}

/** Names of files are for the owner of a machine; a job names what is on the hub. */
function hubUri(text: string): HubUri {
  if (text.startsWith('hf:')) {
    try {
      return parseHubUri(text)
    } catch (error) {
      throw new HaifError('VALIDATION_FAILED', (error as Error).message, {
        cause: error,
        details: { param: 'model' }
      })
    }
  }
  throw new HaifError(
    'VALIDATION_FAILED',
    `"${text}" cannot be downloaded: give hf:user/repo:QUANT or hf:user/repo/file.gguf in source`,
    { details: { param: 'source' } }
  )
}

function assertDigest({ text }: HubUri, { files }: LocalModel, wanted: string | undefined): void {
  const found = files[0]!.digest
  if (wanted === undefined || wanted === found) return
  throw new HaifError('DOWNLOAD_FAILED', `${text} has the SHA-256 ${found} and not ${wanted}`)
}

function itemOf({ bytes, totalBytes, bytesPerSecond }: DownloadProgress): TaskItem {
  const of = totalBytes === null ? '' : ` of ${megabytes(totalBytes)}`
  const note = `${megabytes(bytes)}${of}, ${megabytes(bytesPerSecond)}/s`
  if (totalBytes === null || totalBytes === 0) return { note }
  return { note, progress: Math.min(1, bytes / totalBytes) }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
