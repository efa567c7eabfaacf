/** A model file in memory: its weights, its vocabulary, and what its header says. */
import koffi from 'koffi'
import { fileTypeName } from './file-types.ts'
import type { OpenLlama } from './api/llama-libraries.ts'
import type { LlamaApi, Pointer } from './api/llama-api.ts'

interface ModelOptions {
  path: string
  /** The number of layers on the GPU; -1: all of them. */
  gpuLayers: number
  /** The only GPU to use; by default the layers are spread over all. */
  mainGpu?: number
  /** The share of the model that each GPU gets, in their order. */
  tensorSplit?: readonly number[]
  onProgress: (fraction: number) => void
}

export class NativeModel {
  readonly api: LlamaApi
  readonly pointer: Pointer
  readonly vocab: Pointer
  readonly layers: number
  readonly heads: number
  /** The size of a hidden state. */
  readonly width: number
  /** The bytes of all weights. */
  readonly sizeBytes: number
  readonly trainContextTokens: number

  /** Throws when llama.cpp does not take the file; its log says why. */
  constructor({ api }: OpenLlama, options: ModelOptions) {
    this.api = api
    this.pointer = load(api, options)
    this.vocab = api.llama_model_get_vocab(this.pointer)
    this.layers = api.llama_model_n_layer(this.pointer)
    this.heads = api.llama_model_n_head(this.pointer)
    this.width = api.llama_model_n_embd(this.pointer)
    this.sizeBytes = Number(api.llama_model_size(this.pointer))
    this.trainContextTokens = api.llama_model_n_ctx_train(this.pointer)
    if (api.llama_vocab_n_tokens(this.vocab) <= 0) throw new Error('it has no vocabulary')
  }

  get parameters(): number {
    return Number(this.api.llama_model_n_params(this.pointer))
  }

  /** The numbers that one token leaves in the cache, in all layers together. */
  get cachedValues(): number {
    const heads = this.api.llama_model_n_head_kv(this.pointer) || this.heads
    const architecture = this.metadata('general.architecture') ?? ''
    const length = (kind: 'key' | 'value') => {
      const given = Number(this.metadata(`${architecture}.attention.${kind}_length`))
      return given > 0 ? given : this.width / this.heads
    }
    return this.layers * heads * (length('key') + length('value'))
  }

  get fileType(): string | null {
    return fileTypeName(this.api.llama_model_ftype(this.pointer))
  }

  /** A text or a number of the header as text; null where it has no such key. */
  metadata(key: string): string | null {
    return metadataOf(this.api, this.pointer, key)
  }
}

/** The layers of a model whose weights are not loaded. */
export function readLayers({ api }: OpenLlama, path: string): number {
  const params = { ...api.llama_model_default_params(), vocab_only: true, n_gpu_layers: 0 }
  const model = api.llama_model_load_from_file(path, params)
  if (model === null) throw new Error('llama.cpp cannot read it')
  const architecture = metadataOf(api, model, 'general.architecture') ?? ''
  const layers = Number(metadataOf(api, model, `${architecture}.block_count`) ?? 0)
  api.llama_model_free(model)
  return layers
}

function metadataOf(api: LlamaApi, model: Pointer, key: string): string | null {
  const length = api.llama_model_meta_val_str(model, key, Buffer.alloc(1), 1)
  if (length < 0) return null
  const bytes = Buffer.alloc(length + 1) // C ends a text with a zero
  api.llama_model_meta_val_str(model, key, bytes, bytes.length)
  return bytes.toString('utf8', 0, length)
}

const SPLIT_NONE = 0
const SPLIT_LAYER = 1
/** More than llama.cpp takes anywhere (`llama_max_devices`); the rest are zeros. */
const DEVICES_MAX = 64

function load(api: LlamaApi, options: ModelOptions): Pointer {
  const { path, gpuLayers, mainGpu, tensorSplit, onProgress } = options
  const split = tensorSplit === undefined ? null : new Float32Array(DEVICES_MAX)
  split?.set(tensorSplit!)
  const report = koffi.register((fraction: number) => {
    onProgress(fraction)
    return true // false would stop the load
  }, koffi.pointer(PROGRESS))
  try {
    const model = api.llama_model_load_from_file(path, {
      ...api.llama_model_default_params(),
      n_gpu_layers: gpuLayers,
      split_mode: mainGpu === undefined ? SPLIT_LAYER : SPLIT_NONE,
      main_gpu: mainGpu ?? 0,
      tensor_split: split === null ? null : koffi.address(split),
      progress_callback: report
    })
    if (model === null) throw new Error('llama.cpp cannot load it')
    return model
  } finally {
    koffi.unregister(report)
  }
}

const PROGRESS = koffi.proto('bool llama_progress(float progress, void *data)')
