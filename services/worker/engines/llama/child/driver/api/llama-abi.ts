/**
 * Whether the structs that are written down here are those of the library. A field that came, went
 * or moved makes the defaults behind it read as what they cannot be: −1, 512 or `true` shift.
 */
import type { LlamaApi } from './llama-api.ts'

/** The defaults of the release, where they are not 0, false or null. */
const MODEL: Record<string, number> = {
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  use_extra_bufts: 1
}
const CONTEXT: Record<string, number> = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_outputs_max_per_seq: 1,
  n_threads: 4,
  n_threads_batch: 4,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  yarn_ext_factor: -1,
  yarn_attn_factor: -1,
  yarn_beta_fast: -1,
  yarn_beta_slow: -1,
  defrag_thold: -1,
  type_k: 1,
  type_v: 1,
  offload_kqv: 1,
  no_perf: 1,
  op_offload: 1,
  swa_full: 1
}

export function assertStructs(api: LlamaApi): void {
  check('llama_model_params', api.llama_model_default_params(), MODEL)
  check('llama_context_params', api.llama_context_default_params(), CONTEXT)
}

function check(struct: string, got: object, expected: Record<string, number>): void {
  for (const [field, value] of Object.entries(got) as [string, unknown][]) {
    if (Number(value) === (expected[field] ?? 0)) continue
    throw new Error(`${struct}.${field} is ${String(value)} and not ${expected[field] ?? 0}`)
  }
}
