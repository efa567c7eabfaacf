/**
 * Vocabularies: what a GGUF file says about turning text into token ids and back.
 *
 * Two kinds exist in practice: byte-level BPE ('gpt2': pieces joined by ranked merges) and
 * SentencePiece ('llama': pieces with scores, and bytes as a fallback). Both round-trip any text.
 */
import type { KeyValue } from './write.ts'

export interface Vocabulary {
  tokens: string[]
  keyValues: KeyValue[]
}

export type Merge = readonly [left: string, right: string]

/** The chat format of ChatML, which node-llama-cpp recognises by this template. */
export const CHATML_TEMPLATE =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

const END_OF_TEXT = '<|endoftext|>'
const START_OF_MESSAGE = '<|im_start|>'
const END_OF_MESSAGE = '<|im_end|>'
export const SPECIAL_TOKENS = [END_OF_TEXT, START_OF_MESSAGE, END_OF_MESSAGE] as const

/**
 * Byte-level BPE writes every byte as one printable character: the printable ones as themselves,
 * the rest from U+0100 on (so that a space is 'Ġ').
 */
export const BYTE_SYMBOLS: readonly string[] = byteSymbols()

const TOKEN_KIND = { normal: 1, unknown: 2, control: 3, unused: 5, byte: 6 } as const

/**
 * 256 bytes, the merges in order, the special tokens and those of `control`, then unused fillers up
 * to `padTo`. The pre-tokenizer 'qwen2' keeps digits apart, which makes sums learnable.
 */
export function bpeVocabulary(
  merges: readonly Merge[],
  options: {
    pre?: string
    padTo?: number
    /** True for fillers that stand for text, as in a model that is measured. */
    writtenFillers?: boolean
    chatTemplate?: string | null
    control?: readonly string[]
  } = {}
): Vocabulary {
  const normal = [...BYTE_SYMBOLS, ...merges.map(([left, right]) => left + right)]
  const used = [...normal, ...SPECIAL_TOKENS, ...(options.control ?? [])]
  const fillers = Math.max(0, (options.padTo ?? 0) - used.length)
  const tokens = [...used, ...Array.from({ length: fillers }, (_, i) => `[PAD${used.length + i}]`)]
  const kinds = tokens.map((_, id) => {
    if (id < normal.length) return TOKEN_KIND.normal
    if (id < used.length) return TOKEN_KIND.control
    return options.writtenFillers === true ? TOKEN_KIND.normal : TOKEN_KIND.unused
  })
  return {
    tokens,
    keyValues: [
      ['tokenizer.ggml.model', 'str', 'gpt2'],
      ['tokenizer.ggml.pre', 'str', options.pre ?? 'qwen2'],
      ['tokenizer.ggml.tokens', 'arr', 'str', tokens],
      ['tokenizer.ggml.token_type', 'arr', 'i32', kinds],
      ['tokenizer.ggml.merges', 'arr', 'str', merges.map((pair) => pair.join(' '))],
      ['tokenizer.ggml.bos_token_id', 'u32', tokens.indexOf(END_OF_TEXT)],
      ['tokenizer.ggml.eos_token_id', 'u32', tokens.indexOf(END_OF_MESSAGE)],
      ['tokenizer.ggml.padding_token_id', 'u32', tokens.indexOf(END_OF_TEXT)],
      ['tokenizer.ggml.add_bos_token', 'bool', false],
      ...chatTemplateKey(options.chatTemplate)
    ]
  }
}

/**
 * Unknown, begin, end, 256 bytes, control tokens, then the pieces. Bytes must be marked as such,
 * else detokenizing prints "<0xC3>". A score of -rank makes the pieces behave like BPE merges.
 */
export function spmVocabulary(
  pieces: readonly string[],
  options: { chatTemplate?: string | null } = {}
): Vocabulary {
  const head = ['<unk>', '<s>', '</s>']
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${hexByte(byte)}>`)
  const tokens = [...head, ...bytes, START_OF_MESSAGE, END_OF_MESSAGE, ...pieces]
  const fixed = tokens.length - pieces.length
  const scores = tokens.map((_, id) => (id < fixed ? 0 : fixed - id))
  const kinds = tokens.map((_, id) => {
    if (id === 0) return TOKEN_KIND.unknown
    if (id < head.length) return TOKEN_KIND.control
    if (id < head.length + bytes.length) return TOKEN_KIND.byte
    return id < fixed ? TOKEN_KIND.control : TOKEN_KIND.normal
  })
  return {
    tokens,
    keyValues: [
      ['tokenizer.ggml.model', 'str', 'llama'],
      ['tokenizer.ggml.tokens', 'arr', 'str', tokens],
      ['tokenizer.ggml.scores', 'arr', 'f32', scores],
      ['tokenizer.ggml.token_type', 'arr', 'i32', kinds],
      ['tokenizer.ggml.unknown_token_id', 'u32', 0],
      ['tokenizer.ggml.bos_token_id', 'u32', 1],
      ['tokenizer.ggml.eos_token_id', 'u32', tokens.indexOf(END_OF_MESSAGE)],
      ['tokenizer.ggml.add_bos_token', 'bool', true],
      ['tokenizer.ggml.add_space_prefix', 'bool', false],
      ...chatTemplateKey(options.chatTemplate)
    ]
  }
}

/** ChatML unless told otherwise; null leaves the file without a template. */
function chatTemplateKey(template: string | null | undefined): KeyValue[] {
  if (template === null) return []
  return [['tokenizer.chat_template', 'str', template ?? CHATML_TEMPLATE]]
}

function byteSymbols(): string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCodePoint(printable ? byte : next++)
  })
}

const hexByte = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0')
