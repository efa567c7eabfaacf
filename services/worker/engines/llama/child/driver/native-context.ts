/** A context of a model: caches for its sequences, and the computation of batches. */
import koffi from 'koffi'
import { SCORED_TOKENS_MAX } from '../driver.ts'
import { Batch } from './batch.ts'
import type { ContextParams, LlamaApi, Pointer } from './api/llama-api.ts'
import { withLog } from './api/llama-log.ts'
import type { NativeModel } from './native-model.ts'
import type { ThreadCounts } from '../schedule/thread-choice.ts'

export interface ContextOptions {
  slots: number
  /** Tokens of one slot. */
  contextTokens: number
  /** Tokens of one step, at most. */
  batchTokens: number
  threads: ThreadCounts
  kv: keyof typeof KV_TYPES
  /** By default where the device is faster with it. */
  flashAttention?: boolean
  embeddings?: boolean
  /** Two bytes; while the first is not 0, a step is broken off. */
  abort?: Uint8Array
}

/** Numbers of `enum ggml_type`. */
const KV_TYPES = { f16: 1, q8_0: 8, q4_0: 2 } as const
const FLASH_ATTENTION_AUTO = -1
const DECODED = 0
const ABORTED = 2

/** The other driver may compute such a model. */
export class NotComputable extends Error {}

export class NativeContext {
  readonly model: NativeModel
  readonly pointer: Pointer
  readonly batch: Batch
  readonly contextTokens: number
  /** The tokens of a step whose logits may be asked for. */
  readonly outputsMax: number
  readonly #api: LlamaApi
  readonly #memory: Pointer

  /** Throws when llama.cpp makes no such context; its log says why. */
  constructor(model: NativeModel, options: ContextOptions) {
    const { api } = model
    this.model = model
    this.#api = api
    const pointer = api.llama_init_from_model(model.pointer, paramsOf(api, options))
    if (pointer === null) throw new Error('llama.cpp cannot make the context')
    this.pointer = pointer
    const memory = api.llama_get_memory(pointer)
    if (memory === null) {
      api.llama_free(pointer)
      throw new NotComputable('llama.cpp keeps no memory of sequences for such a model')
    }
    this.#memory = memory
    this.contextTokens = api.llama_n_ctx_seq(pointer)
    this.outputsMax = outputsMaxOf(options)
    this.batch = new Batch(options.batchTokens)
  }

  /** Counts from the next step on and costs nothing. */
  setThreads({ one, many }: ThreadCounts): void {
    // llama.cpp tells each change to its log, which nobody wants to read.
    withLog(this.#api, console.error, () => this.#api.llama_set_n_threads(this.pointer, one, many))
  }

  /** Computes the batch. False: it was broken off, and the caches hold any part of it. */
  decode(): boolean {
    const result = this.#api.llama_decode(this.pointer, this.batch.struct)
    if (result === DECODED) return true
    if (result === ABORTED) return false
    throw new Error(`llama.cpp cannot compute a step (llama_decode returned ${result})`)
  }

  /**
   * The address of the model's own logits for the i-th token of the batch; they stand until the
   * next step.
   */
  logitsAddress(i: number): Pointer {
    const address = this.#api.llama_get_logits_ith(this.pointer, i)
    if (address === null) throw new Error('llama.cpp has no logits where they were asked for')
    return address
  }

  /**
   * Cuts a sequence. False: this model's state cannot be cut there, and nothing has changed.
   */
  cut(sequence: number, tokens: number): boolean {
    return this.#api.llama_memory_seq_rm(this.#memory, sequence, tokens, -1)
  }

  /** Copies a whole sequence; between two buffers llama.cpp copies all or nothing. */
  copy(from: number, to: number): void {
    this.cut(to, 0)
    this.#api.llama_memory_seq_cp(this.#memory, from, to, -1, -1)
  }

  free(): void {
    this.#api.llama_free(this.pointer)
  }
}

function paramsOf(api: LlamaApi, options: ContextOptions): ContextParams {
  const { slots, contextTokens, batchTokens, threads, kv, flashAttention, abort } = options
  const { embeddings = false } = options
  return {
    ...api.llama_context_default_params(),
    n_ctx: slots * contextTokens,
    n_batch: batchTokens,
    n_ubatch: batchTokens,
    n_seq_max: slots,
    n_outputs_max: outputsMaxOf(options),
    n_threads: threads.one,
    n_threads_batch: threads.many,
    flash_attn_type: flashAttention === undefined ? FLASH_ATTENTION_AUTO : Number(flashAttention),
    type_k: KV_TYPES[kv],
    type_v: KV_TYPES[kv],
    embeddings,
    // A cache that holds only the window could not be cut back to a shared beginning.
    swa_full: true,
    // With one buffer for all, the sums of an answer depend on its company, and so the answer.
    kv_unified: false,
    ...(abort === undefined
      ? {}
      : { abort_callback: abortWhenSet(), abort_callback_data: koffi.address(abort) })
  }
}

/**
 * One token of each slot is drawn from, or a few of a prompt are scored; the default reserves
 * memory for a whole batch.
 */
const outputsMaxOf = ({ embeddings = false, batchTokens, slots }: ContextOptions): number =>
  embeddings ? batchTokens : Math.max(slots, SCORED_TOKENS_MAX)

/**
 * The callback runs in llama.cpp's threads, where there is no JavaScript. C's `strlen` has its
 * shape: of the bytes 1, 0 it says 1, which means stop, and of 0, 0 it says 0.
 */
function abortWhenSet(): Pointer {
  return koffi.address(koffi.load(null).symbol('strlen'))
}
