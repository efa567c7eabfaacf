import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadFailure } from '../../../../../../services/worker/engines/llama/parent/load-failure.ts'

/** What llama.cpp and its backends wrote, as it was recorded. */
const CASES: Record<string, RegExp> = {
  'its process died (signal SIGABRT): CUDA error: the provided PTX was compiled with an unsupported toolchain.':
    /^this engine's CUDA code needs driver 590 or newer; or run it on the CPU with --gpu none$/,
  'Failed to load model: ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4437.80 MiB on device 0: cudaMalloc failed: out of memory':
    /^its memory is taken; give it less with --context or --kv q8_0, .* --gpu none$/,
  "Failed to load model: llama_model_load: error loading model: unknown model architecture: 'mamba9'":
    /does not know the architecture mamba9: update HAIF/,
  "llama_model_load: error loading model: error loading model vocabulary: unknown pre-tokenizer type: 'qwen9'":
    /does not know the tokenizer qwen9/,
  'it needs 40.1 GB of memory and 12.0 GB are free': /^it needs 40.1 GB .* choose a smaller model/,
  'there is not enough free memory for a context of 131072 tokens': /131072 tokens; give it less/,
  "llama_model_load: error loading model: missing tensor 'blk.0.attn_q.weight'":
    /no whole model .*missing tensor 'blk\.0\.attn_q\.weight'.*download it again/,
  "gguf_init_from_file_ptr: tensor 'x' has invalid ggml type 77. should be in [0, 40)":
    /a type \(77\) that this llama\.cpp does not know: update HAIF/,
  'its load did not get on for 120 s': /look at both, and start again/,
  'spawn /usr/bin/node EMFILE': /raise "ulimit -n"/,
  'its process died (signal SIGBUS)': /check its disk/,
  'its process died (signal SIGKILL)': /most likely for lack of memory/,
  'its process died (signal SIGABRT): /home/llama.cpp/src/llama-model-loader.cpp:1328: GGML_ASSERT(t_meta.ne[dim] >= 1) failed':
    /describes no model that can be \(GGML_ASSERT\(t_meta\.ne\[dim\] >= 1\)\); download it again/,
  'llama_init_from_model: K cache type q8_0 with block size 32 does not divide n_embd_head_k=16':
    /too small for --kv q8_0: use f16/
}

test('a model that was not loaded is told with what to do', () => {
  for (const [words, reason] of Object.entries(CASES)) assert.match(loadFailure(words), reason)
})

test('the file is blamed only by the words of the library', () => {
  const blamed = Object.keys(CASES).filter((words) => /download/.test(loadFailure(words)))
  assert.equal(blamed.length, 2)
  const unknown = loadFailure('its process died (signal SIGABRT): GGML_ASSERT(n > 0) failed')
  assert.match(
    unknown,
    /could not load it, though its header .* \(its process died .*GGML_ASSERT.*; update HAIF/
  )
})
