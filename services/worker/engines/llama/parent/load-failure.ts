/**
 * Why a model was not loaded, from what the library wrote, in words that say what to do. The file's
 * header and its length were checked before, so only the library's own words may blame the file.
 */
import { gpuFault } from './gpu/gpu-faults.ts'

type Cause = [telling: RegExp, reason: (match: RegExpExecArray) => string]

const LESS_MEMORY = 'give it less with --context or --kv q8_0, or choose a smaller model'

const CAUSES: readonly Cause[] = [
  [
    /unknown model architecture: '?([\w.-]+)/,
    ([, name]) =>
      `this llama.cpp does not know the architecture ${name}: update HAIF, or choose another model`
  ],
  [
    /unknown (?:pre-)?tokenizer(?: type)?: '?([\w.-]+)/,
    ([, name]) =>
      `this llama.cpp does not know the tokenizer ${name}: update HAIF, or choose another model`
  ],
  [
    /it needs [\d.]+ GB of memory and [\d.]+ GB are free/,
    ([words]) => `${words}; choose a smaller model, or one of fewer bits`
  ],
  [
    /there is not enough free memory for a context of \d+ tokens/,
    ([words]) => `${words}; ${LESS_MEMORY}`
  ],
  [
    /K cache type (\w+) with block size/,
    ([, kv]) => `its heads are too small for --kv ${kv}: use f16`
  ],
  [
    /missing tensor '?([\w.-]+)'?|tensor '?([\w.-]+)'? (?:has wrong shape|not found|data is not within)/,
    ([words]) => `the file is no whole model (${words}); download it again, or choose another one`
  ],
  [
    /key not found in model: ([\w.-]+)|error loading model hyperparameters/,
    ([words]) => `the file does not say all that its model needs (${words}); choose another one`
  ],
  [
    /(?:model-loader|gguf)\.cpp:\d+: (GGML_ASSERT\(.{1,80}\))/,
    ([, words]) => `the file describes no model that can be (${words}); download it again`
  ],
  [/the chat template "[^]*/, ([words]) => words],
  [
    /invalid ggml type (\d+)/,
    ([, type]) => `its tensors have a type (${type}) that this llama.cpp does not know: update HAIF`
  ],
  [
    /invalid split file|failed to load GGUF split/,
    ([words]) =>
      `a part of it is missing or of another model (${words}); keep all parts in one folder`
  ],
  [
    /its load did not get on for [\d.]+ s/,
    ([words]) =>
      `${words}: its disk or its GPU hangs, or they are busy; look at both, and start again`
  ],
  [
    /\b(?:EMFILE|ENFILE|EAGAIN)\b/,
    ([code]) =>
      `this machine allows no more files or processes (${code}); raise "ulimit -n" and "-u"`
  ],
  [
    /signal SIGBUS/,
    () =>
      'its file changed or could not be read while it was loaded; check its disk, and start again'
  ],
  [
    /signal SIGKILL/,
    () => `the system ended its process, most likely for lack of memory; ${LESS_MEMORY}`
  ]
]

/** `words`: how the process ended and what it wrote. */
export function loadFailure(words: string): string {
  const fault = gpuFault(words)
  if (fault !== null) return `${fault}; ${memoryRemedy(fault)}or run it on the CPU with --gpu none`
  for (const [telling, reason] of CAUSES) {
    const match = telling.exec(words)
    if (match !== null) return reason(match)
  }
  return `llama.cpp could not load it, though its header and its length are as they should be (${words}); update HAIF, or choose another file of this model`
}

const memoryRemedy = (fault: string): string =>
  fault.startsWith('its memory') ? `${LESS_MEMORY}, ` : ''
