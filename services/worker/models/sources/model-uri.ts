/**
 * Finds the source of a model by its URI:
 *
 *   builtin                    the model that comes with HAIF
 *   path/to/model.gguf         a file of this machine
 *   hf:user/repo:QUANT         from the Hugging Face hub, in one quantisation
 *   hf:user/repo/file.gguf     the same, one file
 *   sha256:…                   what other workers of the mesh have, by its digest
 *   qwen3-4b, Qwen/Qwen3-4B-GGUF, https://huggingface.co/…
 *                              what people say for one of the hub (shared/models/known-models.ts)
 *   sim, sim:name?decode=100   a simulated model, for tests and benchmarks
 *
 * All but the last may end with `?context=32k&slots=16` (model-options.ts).
 */
import { existsSync, globSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import { HaifError } from '#shared/errors.ts'
import { modelUri } from '#shared/models/known-models.ts'
import type { Engine } from '../../engines/engine.ts'
import type { GpuSetting } from '../../engines/llama/parent/gpu/gpu-setting.ts'
import type { LlamaEngineOptions } from '../../engines/llama/parent/llama-engine.ts'
import { checkedOptions, splitModelOptions, type ModelOptions } from '../model-options.ts'
import { withoutPart } from '../split-files.ts'
import type { ModelSource } from './model-source.ts'
import {
  fetchModel,
  fetchOfMesh,
  placeOf,
  placeOfMesh,
  removeModel,
  removeOfMesh,
  type FetchDeps
} from './fetch-model.ts'
import { parseHubUri, PUBLIC_HUB, type Hub } from './hub.ts'
import { noteUse, type LocalModel } from './local-model.ts'
import type { PeerWeights } from './peer-weights.ts'
import { simSource } from './sim-source.ts'

export const BUILTIN_FILE = fileURLToPath(new URL('../haif-tiny-Q8_0.gguf', import.meta.url))
const NAME_CHARACTERS_MAX = 256

interface ModelSourceOptions {
  /** Where downloads are kept. */
  folder: string
  /** The name that clients use, in place of the one that follows from the URI. */
  name?: string
  /** Other workers that may have what is to be fetched. */
  peers?: PeerWeights
  /** SHA-256 of the model, where whoever orders it says so. */
  digest?: string
  /** The public hub, without a token, unless given. */
  hub?: Hub
  /** Where llama.cpp runs models, once that is found out. */
  gpu?: () => Promise<GpuSetting>
  /** How its owner wants it, unless the URI says otherwise. */
  wishes?: ModelOptions
  /** A file that keeps the digests of models between starts. */
  digests?: string
  /** A file that keeps what was measured with models between starts. */
  speeds?: string
  /** The models of the worker, which share its memory; one unless given. */
  models?: number
  /** Called with a line for whoever runs the worker. */
  onNote?: (note: string) => void
  /** The same for what has gone wrong and is being mended. */
  onTrouble?: (note: string) => void
}

/**
 * Reads a model as it is given on the command line: `uri`, or `name=uri` with the name that clients
 * use. A file whose name has an equals sign is written `../a=b.gguf`.
 */
export function modelArgument(text: string, options: ModelSourceOptions): ModelSource {
  const [, name, uri] = NAMED.exec(text) ?? []
  if (name === undefined || uri === undefined) return modelSource(text, options)
  return modelSource(uri, { ...options, name })
}

const NAMED = /^([A-Za-z0-9][\w.-]*)=(.+)$/

/** Throws CONFIG_INVALID where the text is no URI of a model; all other faults show in `open`. */
export function modelSource(uri: string, options: ModelSourceOptions): ModelSource {
  const source = sourceOf(uri, options)
  if (source.name !== '' && source.name.length <= NAME_CHARACTERS_MAX) return source
  throw invalid(uri, `the name of a model has 1 to ${NAME_CHARACTERS_MAX} characters`)
}

function sourceOf(text: string, given: ModelSourceOptions): ModelSource {
  const { name } = given
  if (/^sim(?:$|[:?])/.test(text)) return simSource(text, name)
  const { uri: said, options: own } = splitModelOptions(text)
  const uri = modelUri(said)
  const options = { ...given, wishes: checkedOptions({ ...given.wishes, ...own }, `"${text}"`) }
  if (uri.startsWith('hf:')) return hubSource(uri, options)
  const { digest } = MESH_URI.exec(uri)?.groups ?? {}
  if (digest !== undefined) return meshSource(uri, digest, options)
  if (uri === 'builtin') return fileSource(BUILTIN_FILE, name ?? BUILTIN_NAME, options)
  if (/\.gguf$/i.test(uri) && !uri.includes('://')) {
    return fileSource(resolve(uri), name ?? nameOfFile(uri), options)
  }
  throw invalid(
    uri,
    'it must be a short name ("haif models search" lists them), builtin, a path to a .gguf file, ' +
      'hf:user/repo:QUANT, or the address of a repository on the hub'
  )
}

function fileSource(modelPath: string, name: string, options: ModelSourceOptions): ModelSource {
  return {
    name,
    engine: 'llama',
    ...(modelPath === BUILTIN_FILE ? {} : { file: modelPath }),
    open: async () => openLlama({ ...(await engineOptions(options)), modelPath, name }),
    expect: () => sizeOf(modelPath)
  }
}

/** A missing file has no size here: loading it will say that it is missing. */
function sizeOf(path: string): { sizeBytes?: number } {
  const size = statSync(path, { throwIfNoEntry: false })?.size
  return size === undefined ? {} : { sizeBytes: size }
}

function hubSource(uri: string, options: ModelSourceOptions): ModelSource {
  const { folder, hub = PUBLIC_HUB } = options
  const hubUri = parseHubUri(uri)
  return fetchedSource({ name: options.name ?? hubUri.name, uri: hubUri.text }, options, {
    place: placeOf(hubUri, folder),
    fetch: (deps) => fetchModel(hubUri, { ...deps, hub }),
    remove: () => removeModel(hubUri, folder)
  })
}

/** A model that other workers of the mesh have, named by its content. */
function meshSource(uri: string, digest: string, options: ModelSourceOptions): ModelSource {
  const { folder, name = digest.slice(0, SHORT_DIGEST) } = options
  return fetchedSource({ name, uri }, options, {
    place: placeOfMesh(digest, folder),
    fetch: (deps) => fetchOfMesh(digest, deps),
    remove: () => removeOfMesh(digest, folder)
  })
}

/** Those of `sha256:` without a name. */
const SHORT_DIGEST = 12
const MESH_URI = /^sha256:(?<digest>[0-9a-f]{64})$/

interface FetchedFiles {
  place: string
  fetch: (deps: Omit<FetchDeps, 'hub'>) => Promise<LocalModel>
  remove: () => Promise<boolean>
}

function fetchedSource(
  named: { name: string; uri: string },
  options: ModelSourceOptions,
  { place, fetch, remove }: FetchedFiles
): ModelSource {
  const { folder, peers, digest, onTrouble: onFault } = options
  return {
    ...named,
    engine: 'llama',
    place,
    async fetch(onProgress, signal) {
      await fetch({ folder, peers, digest, onFault, onProgress, signal })
    },
    async remove() {
      await remove()
    },
    expect: () => (isHere(place) ? {} : { loadMs: FETCH_MS }),
    async open(onProgress, signal) {
      const model = await fetch({ folder, peers, digest, onProgress, onFault, signal })
      for (const { path } of model.files) await noteUse(path)
      const own = await engineOptions(options)
      const recorded = model.files.map(({ digest: each }) => each)
      return openLlama({ ...own, modelPath: model.entry, name: named.name, recorded })
    }
  }
}

/**
 * For a model whose files are not here: so a worker that has them is preferred, and where none has,
 * a request with a short deadline still begins the fetch.
 */
const FETCH_MS = 8000

/** Of a split model its first part, which gets its record first and is looked at whole later. */
const isHere = (place: string): boolean =>
  existsSync(`${place}.gguf.sha256`) ||
  globSync(`${basename(place)}-00001-of-*.gguf.sha256`, { cwd: dirname(place) }).length > 0

const engineOptions = async (options: ModelSourceOptions) => {
  const { gpu, wishes, digests, speeds, onNote, onTrouble, models = 1 } = options
  return {
    ...(await gpu?.()),
    ...wishes,
    digests,
    speeds,
    ...(onNote === undefined ? {} : { onNote }),
    ...(onTrouble === undefined ? {} : { onTrouble }),
    models
  }
}

/** Loaded only now, so that a simulated worker and the rest of the command line start quickly. */
async function openLlama(options: LlamaEngineOptions): Promise<Engine> {
  const { createLlamaEngine } = await import('../../engines/llama/parent/llama-engine.ts')
  return createLlamaEngine(options)
}

const nameOfFile = (path: string): string => withoutPart(basename(path)).toLowerCase()

function invalid(uri: string, reason: string): HaifError {
  return new HaifError('CONFIG_INVALID', `"${uri}" cannot be used as a model: ${reason}`)
}
