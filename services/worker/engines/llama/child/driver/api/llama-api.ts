/**
 * llama.cpp's C interface, called through koffi. Only what the driver uses is declared; include/
 * llama.h of the same release is the reference, and a test compares the two. What goes by value is
 * the risk: C checks nothing, so `llama-abi.ts` looks before the first such call.
 */
import koffi from 'koffi'

/** The release whose header is written down here, as `_nlcBuildMetadata.json` has it. */
export const LLAMA_RELEASE = 'v0.5.0'

/** An address in the memory of C; null where C returned NULL. */
export type Pointer = bigint

/**
 * koffi runs calls on stacks of its own, of 2 MiB; llama.cpp is used to 8 MiB, and its tokenizers
 * recurse. The number counts for libraries that are loaded later.
 */
koffi.config({ sync_stack_size: 16 << 20 })

/** The structs that go by value, in the words of the header; `ptr` is any pointer. */
export const STRUCTS = {
  llama_model_params: `
    ptr devices tensor_buft_overrides;
    int32_t n_gpu_layers split_mode load_mode lazy_mode main_gpu;
    ptr tensor_split progress_callback progress_callback_user_data kv_overrides;
    bool vocab_only check_tensors use_extra_bufts no_host no_alloc load_mtp`,
  llama_context_params: `
    uint32_t n_ctx n_batch n_ubatch n_seq_max n_rs_seq n_outputs_max n_outputs_max_per_seq;
    int32_t n_threads n_threads_batch ctx_type rope_scaling_type pooling_type attention_type;
    int32_t flash_attn_type;
    float rope_freq_base rope_freq_scale yarn_ext_factor yarn_attn_factor;
    float yarn_beta_fast yarn_beta_slow; uint32_t yarn_orig_ctx; float defrag_thold;
    ptr cb_eval cb_eval_user_data; int32_t type_k type_v; ptr abort_callback abort_callback_data;
    bool embeddings offload_kqv no_perf op_offload swa_full kv_unified;
    ptr samplers; size_t n_samplers; ptr ctx_other`,
  llama_batch: 'int32_t n_tokens; ptr token embd pos n_seq_id seq_id logits',
  llama_sampler_chain_params: 'bool no_perf',
  llama_logit_bias: 'int32_t token; float bias',
  llama_token_data_array: 'ptr data; size_t size; int64_t selected; bool sorted'
} as const

/** Fields of the two structs that the driver sets; C's defaults stay in the others. */
interface ModelParams {
  n_gpu_layers: number
  split_mode: number
  main_gpu: number
  tensor_split: Pointer | null
  load_mode: number
  progress_callback: Pointer | null
}

export interface ContextParams {
  n_ctx: number
  n_batch: number
  n_ubatch: number
  n_seq_max: number
  n_outputs_max: number
  n_threads: number
  n_threads_batch: number
  pooling_type: number
  attention_type: number
  flash_attn_type: number
  type_k: number
  type_v: number
  abort_callback: Pointer | null
  abort_callback_data: Pointer | null
  embeddings: boolean
  swa_full: boolean
  kv_unified: boolean
}

export interface Batch {
  n_tokens: number
  token: Pointer
  embd: null
  pos: Pointer
  n_seq_id: Pointer
  seq_id: Pointer
  logits: Pointer
}

export interface LlamaApi {
  llama_model_default_params(): ModelParams
  llama_context_default_params(): ContextParams
  llama_backend_init(): void
  llama_log_set(callback: Pointer | null, data: null): void
  llama_supports_gpu_offload(): boolean
  llama_model_load_from_file(path: string, params: ModelParams): Pointer | null
  llama_model_free(model: Pointer): void
  llama_init_from_model(model: Pointer, params: ContextParams): Pointer | null
  llama_free(ctx: Pointer): void
  llama_model_get_vocab(model: Pointer): Pointer
  llama_get_memory(ctx: Pointer): Pointer | null
  llama_n_ctx_seq(ctx: Pointer): number
  llama_model_n_embd_out(model: Pointer): number
  llama_model_n_ctx_train(model: Pointer): number
  llama_model_n_layer(model: Pointer): number
  llama_model_n_params(model: Pointer): number | bigint
  llama_model_ftype(model: Pointer): number
  llama_model_size(model: Pointer): number | bigint
  llama_model_n_embd(model: Pointer): number
  llama_model_n_head(model: Pointer): number
  llama_model_n_head_kv(model: Pointer): number
  llama_model_has_encoder(model: Pointer): boolean
  llama_model_has_decoder(model: Pointer): boolean
  llama_model_meta_val_str(model: Pointer, key: string, buf: Uint8Array, size: number): number
  llama_vocab_n_tokens(vocab: Pointer): number
  llama_vocab_is_eog(vocab: Pointer, token: number): boolean
  llama_vocab_is_control(vocab: Pointer, token: number): boolean
  llama_vocab_bos(vocab: Pointer): number
  llama_vocab_eos(vocab: Pointer): number
  llama_vocab_eot(vocab: Pointer): number
  llama_vocab_sep(vocab: Pointer): number
  llama_vocab_get_add_bos(vocab: Pointer): boolean
  llama_vocab_get_add_eos(vocab: Pointer): boolean
  llama_vocab_get_add_sep(vocab: Pointer): boolean
  llama_vocab_get_text(vocab: Pointer, token: number): string | null
  llama_set_n_threads(ctx: Pointer, one: number, many: number): void
  llama_decode(ctx: Pointer, batch: Batch): number
  llama_get_logits_ith(ctx: Pointer, i: number): Pointer | null
  llama_get_embeddings_seq(ctx: Pointer, seq: number): Pointer | null
  llama_get_embeddings_ith(ctx: Pointer, i: number): Pointer | null
  llama_pooling_type(ctx: Pointer): number
  llama_vocab_type(vocab: Pointer): number
  llama_tokenize(
    vocab: Pointer,
    text: Uint8Array,
    length: number,
    tokens: Int32Array,
    max: number,
    addSpecial: boolean,
    parseSpecial: boolean
  ): number
  llama_detokenize(
    vocab: Pointer,
    tokens: Int32Array,
    n: number,
    text: Uint8Array,
    max: number,
    removeSpecial: boolean,
    unparseSpecial: boolean
  ): number
  llama_memory_seq_rm(memory: Pointer, seq: number, from: number, to: number): boolean
  llama_memory_seq_cp(memory: Pointer, from: number, to: number, p0: number, p1: number): void
  llama_sampler_chain_init(params: { no_perf: boolean }): Pointer
  llama_sampler_chain_add(chain: Pointer, sampler: Pointer): void
  llama_sampler_clone(sampler: Pointer): Pointer
  llama_sampler_free(sampler: Pointer): void
  llama_sampler_accept(sampler: Pointer, token: number): void
  llama_sampler_apply(sampler: Pointer, candidates: Pointer): void
  llama_sampler_sample(sampler: Pointer, ctx: Pointer, i: number): number
  llama_sampler_init_greedy(): Pointer
  llama_sampler_init_dist(seed: number): Pointer
  llama_sampler_init_top_k(k: number): Pointer
  llama_sampler_init_top_p(p: number, minKeep: number): Pointer
  llama_sampler_init_min_p(p: number, minKeep: number): Pointer
  llama_sampler_init_temp(temperature: number): Pointer
  llama_sampler_init_penalties(
    vocabularySize: number,
    window: number,
    repeat: number,
    frequency: number,
    presence: number
  ): Pointer
  llama_sampler_init_logit_bias(
    vocabularySize: number,
    count: number,
    bias: { token: number; bias: number }[]
  ): Pointer
  llama_sampler_init_grammar(vocab: Pointer, grammar: string, root: string): Pointer | null
}

/** The prototypes of `LlamaApi`, with the types of koffi where the header says less. */
export const PROTOTYPES: Record<keyof LlamaApi, string> = {
  llama_model_default_params: 'llama_model_params f()',
  llama_context_default_params: 'llama_context_params f()',
  llama_backend_init: 'void f()',
  llama_log_set: 'void f(void *callback, void *data)',
  llama_supports_gpu_offload: 'bool f()',
  llama_model_load_from_file: 'void *f(const char *path, llama_model_params params)',
  llama_model_free: 'void f(void *model)',
  llama_init_from_model: 'void *f(void *model, llama_context_params params)',
  llama_free: 'void f(void *ctx)',
  llama_model_get_vocab: 'void *f(void *model)',
  llama_get_memory: 'void *f(void *ctx)',
  llama_n_ctx_seq: 'uint32_t f(void *ctx)',
  llama_model_n_embd_out: 'int32_t f(void *model)',
  llama_model_n_ctx_train: 'int32_t f(void *model)',
  llama_model_n_layer: 'int32_t f(void *model)',
  llama_model_n_params: 'uint64_t f(void *model)',
  llama_model_ftype: 'int f(void *model)',
  llama_model_size: 'uint64_t f(void *model)',
  llama_model_n_embd: 'int32_t f(void *model)',
  llama_model_n_head: 'int32_t f(void *model)',
  llama_model_n_head_kv: 'int32_t f(void *model)',
  llama_model_has_encoder: 'bool f(void *model)',
  llama_model_has_decoder: 'bool f(void *model)',
  llama_model_meta_val_str:
    'int32_t f(void *model, const char *key, _Out_ uint8_t *buf, size_t size)',
  llama_vocab_n_tokens: 'int32_t f(void *vocab)',
  llama_vocab_is_eog: 'bool f(void *vocab, int32_t token)',
  llama_vocab_is_control: 'bool f(void *vocab, int32_t token)',
  llama_vocab_bos: 'int32_t f(void *vocab)',
  llama_vocab_eos: 'int32_t f(void *vocab)',
  llama_vocab_eot: 'int32_t f(void *vocab)',
  llama_vocab_sep: 'int32_t f(void *vocab)',
  llama_vocab_get_add_bos: 'bool f(void *vocab)',
  llama_vocab_get_add_eos: 'bool f(void *vocab)',
  llama_vocab_get_add_sep: 'bool f(void *vocab)',
  llama_vocab_get_text: 'const char *f(void *vocab, int32_t token)',
  llama_set_n_threads: 'void f(void *ctx, int32_t one, int32_t many)',
  llama_decode: 'int32_t f(void *ctx, llama_batch batch)',
  llama_get_logits_ith: 'void *f(void *ctx, int32_t i)',
  llama_get_embeddings_seq: 'void *f(void *ctx, int32_t seq)',
  llama_get_embeddings_ith: 'void *f(void *ctx, int32_t i)',
  llama_pooling_type: 'int f(void *ctx)',
  llama_vocab_type: 'int f(void *vocab)',
  llama_tokenize:
    'int32_t f(void *vocab, const uint8_t *text, int32_t length, _Out_ int32_t *tokens, ' +
    'int32_t max, bool add_special, bool parse_special)',
  llama_detokenize:
    'int32_t f(void *vocab, const int32_t *tokens, int32_t n, _Out_ uint8_t *text, ' +
    'int32_t max, bool remove_special, bool unparse_special)',
  llama_memory_seq_rm: 'bool f(void *memory, int32_t seq, int32_t p0, int32_t p1)',
  llama_memory_seq_cp: 'void f(void *memory, int32_t from, int32_t to, int32_t p0, int32_t p1)',
  llama_sampler_chain_init: 'void *f(llama_sampler_chain_params params)',
  llama_sampler_chain_add: 'void f(void *chain, void *sampler)',
  llama_sampler_clone: 'void *f(void *sampler)',
  llama_sampler_free: 'void f(void *sampler)',
  llama_sampler_accept: 'void f(void *sampler, int32_t token)',
  llama_sampler_apply: 'void f(void *sampler, void *candidates)',
  llama_sampler_sample: 'int32_t f(void *sampler, void *ctx, int32_t i)',
  llama_sampler_init_greedy: 'void *f()',
  llama_sampler_init_dist: 'void *f(uint32_t seed)',
  llama_sampler_init_top_k: 'void *f(int32_t k)',
  llama_sampler_init_top_p: 'void *f(float p, size_t min_keep)',
  llama_sampler_init_min_p: 'void *f(float p, size_t min_keep)',
  llama_sampler_init_temp: 'void *f(float t)',
  llama_sampler_init_penalties:
    'void *f(int32_t n_vocab, int32_t last_n, float repeat, float freq, float present)',
  llama_sampler_init_logit_bias: 'void *f(int32_t n_vocab, int32_t n, llama_logit_bias *bias)',
  llama_sampler_init_grammar: 'void *f(void *vocab, const char *grammar, const char *root)'
}

/** Throws where the library lacks a function. */
export function bindLlama(library: ReturnType<typeof koffi.load>): LlamaApi {
  defineStructs()
  const functions = Object.entries(PROTOTYPES).map(([name, prototype]) => {
    return [name, library.func(prototype.replace(/\bf\(/, `${name}(`))] as const
  })
  return Object.fromEntries(functions) as unknown as LlamaApi
}

/** koffi keeps types by their names, for the whole thread. */
let defined = false

function defineStructs(): void {
  if (defined) return
  defined = true
  for (const [name, fields] of Object.entries(STRUCTS)) koffi.struct(name, fieldsOf(fields))
}

/** `int32_t a b; ptr c` as an object of names and types, in order. */
export function fieldsOf(text: string): Record<string, string> {
  const fields = text.trim().split(/\s*;\s*/)
  return Object.fromEntries(
    fields.flatMap((field) => {
      const [type = '', ...names] = field.trim().split(/\s+/)
      return names.map((name) => [name, type === 'ptr' ? 'void *' : type])
    })
  )
}
