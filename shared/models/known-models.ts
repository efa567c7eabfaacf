/**
 * Models that people ask for by a short name, in the one quantisation that is worth its size. Sizes
 * are those of the files as the hub lists them, rounded; most have not been compared with it.
 * Memory is an estimate: the size and a context of 8k tokens.
 */
interface KnownModel {
  name: string
  /** As `--model` takes it. */
  uri: string
  parameters: string
  sizeBytes: number
  /** False: of another file of the same kind, and not compared with what the hub lists. */
  isSizeListed: boolean
  memoryBytes: number
  goodAt: string
}

const GB = 1e9

/** Those whose file's own page at the hub was seen. */
const COMPARED: ReadonlySet<string> = new Set(['llama3.1-8b', 'llama3.2-3b', 'gemma3-4b'])

const known = (
  name: string,
  uri: string,
  parameters: string,
  [size, memory]: [sizeGb: number, memoryGb: number],
  goodAt: string
): KnownModel => ({
  name,
  uri,
  parameters,
  sizeBytes: Math.round(size * GB),
  isSizeListed: COMPARED.has(name),
  memoryBytes: Math.round(memory * GB),
  goodAt
})

export const KNOWN_MODELS: readonly KnownModel[] = [
  known('qwen3-0.6b', 'hf:Qwen/Qwen3-0.6B-GGUF:Q8_0', '0.6B', [0.64, 1.7], 'trying things out'),
  known(
    'qwen3-1.7b',
    'hf:Qwen/Qwen3-1.7B-GGUF:Q8_0',
    '1.7B',
    [1.83, 2.9],
    'short answers, small machines'
  ),
  known('qwen3-4b', 'hf:Qwen/Qwen3-4B-GGUF:Q4_K_M', '4B', [2.5, 3.9], 'chat and tools on a laptop'),
  known('qwen3-8b', 'hf:Qwen/Qwen3-8B-GGUF:Q4_K_M', '8B', [5.03, 6.5], 'chat, tools, reasoning'),
  known('qwen3-14b', 'hf:Qwen/Qwen3-14B-GGUF:Q4_K_M', '14B', [9, 10.7], 'reasoning, tools'),
  known(
    'qwen3-30b-a3b',
    'hf:Qwen/Qwen3-30B-A3B-GGUF:Q4_K_M',
    '30B, 3B active',
    [18.6, 19.9],
    'much knowledge, fast'
  ),
  known('qwen3-32b', 'hf:Qwen/Qwen3-32B-GGUF:Q4_K_M', '32B', [19.8, 22.4], 'the hardest questions'),
  known(
    'qwen2.5-coder-7b',
    'hf:Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M',
    '7B',
    [4.68, 5.7],
    'code'
  ),
  known(
    'gemma3-1b',
    'hf:ggml-org/gemma-3-1b-it-GGUF:Q4_K_M',
    '1B',
    [0.81, 1.3],
    'many languages, small machines'
  ),
  known('gemma3-4b', 'hf:ggml-org/gemma-3-4b-it-GGUF:Q4_K_M', '4B', [2.49, 3.6], 'many languages'),
  known(
    'gemma3-12b',
    'hf:ggml-org/gemma-3-12b-it-GGUF:Q4_K_M',
    '12B',
    [7.3, 9.4],
    'many languages, writing'
  ),
  known(
    'llama3.2-3b',
    'hf:bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M',
    '3B',
    [2.02, 3.2],
    'summaries, chat'
  ),
  known(
    'llama3.1-8b',
    'hf:bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M',
    '8B',
    [4.92, 6.3],
    'chat, tools'
  ),
  known(
    'mistral-7b',
    'hf:bartowski/Mistral-7B-Instruct-v0.3-GGUF:Q4_K_M',
    '7B',
    [4.37, 5.7],
    'chat in European languages'
  ),
  known(
    'gpt-oss-20b',
    'hf:ggml-org/gpt-oss-20b-GGUF',
    '21B, 3.6B active',
    [12.1, 13],
    'reasoning, tools, fast'
  ),
  known(
    'nomic-embed',
    'hf:nomic-ai/nomic-embed-text-v1.5-GGUF:Q8_0',
    '0.1B',
    [0.15, 0.4],
    'embeddings'
  )
]

export const knownModel = (name: string): KnownModel | undefined =>
  KNOWN_MODELS.find((model) => model.name === name.toLowerCase())

/**
 * The URI that a person means: a short name, `user/repo`, `user/repo:QUANT`, or an address on the
 * hub. What is none of these is given back as it is.
 */
export function modelUri(text: string): string {
  const known = knownModel(text)
  if (known !== undefined) return known.uri
  const address = ADDRESS.exec(text)?.groups
  if (address !== undefined) {
    const { repo = '', revision = 'main', file } = address
    if (file === undefined) return `hf:${repo}`
    return `hf:${repo}/${file}${revision === 'main' ? '' : `#${revision}`}`
  }
  return REPO.test(text) ? `hf:${text}` : text
}

const ADDRESS =
  /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/(?<repo>\w[\w.-]*\/\w[\w.-]*)(?:\/?$|\/(?:blob|resolve)\/(?<revision>\w[\w.-]*)\/(?<file>[^#?]+\.gguf)(?:[?#].*)?$|\/tree\/.*$)/i
/** Not a file of this machine: that ends with `.gguf` or begins with a dot or a slash. */
const REPO = /^(?!.*\.gguf$)\w[\w.-]*\/\w[\w.-]*(?::\w[\w.-]*)?$/i
