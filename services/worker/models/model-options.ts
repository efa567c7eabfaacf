/**
 * How a model is run, where its owner does not leave that to HAIF: context, slots, the cache of
 * keys and values, flash attention, the chat template. Given for all models by options of the
 * command line and variables, for one of them behind its URI: `name=uri?context=32k&slots=16`.
 */
import { HaifError } from '#shared/errors.ts'

/** Values per block in the cache of keys and values; 8 bits halve the memory of 16. */
const KV_TYPES = ['f16', 'q8_0', 'q4_0'] as const
export type KvType = (typeof KV_TYPES)[number]

export interface ModelOptions {
  /** Tokens of prompt and answer together. */
  contextTokens?: number
  /** Answers at a time. */
  slots?: number
  kv?: KvType
  /** Absent: wherever the model and the device can do it. */
  flashAttention?: boolean
  /** A file, or the name of a template, in place of the one in the model's file. */
  chatTemplate?: string
  /** False: where the template has no place for tools, there are none. */
  toolsAsText?: boolean
}

const MODEL_SLOTS_MAX = 256
const CONTEXT_TOKENS_MAX = 10_485_760 // the longest that any model was trained for
const CONTEXT_TOKENS_MIN = 64

type Reader = (text: string) => ModelOptions | null

const READERS: Record<string, Reader> = {
  context: (text) => {
    const [, digits, unit = ''] = /^(\d{1,8})([kKmM]?)$/.exec(text) ?? []
    const contextTokens = Number(digits) * FACTORS[unit.toLowerCase()]!
    const valid = contextTokens >= CONTEXT_TOKENS_MIN && contextTokens <= CONTEXT_TOKENS_MAX
    return valid ? { contextTokens } : null
  },
  slots: (text) => {
    const slots = /^\d{1,3}$/.test(text) ? Number(text) : 0
    return slots >= 1 && slots <= MODEL_SLOTS_MAX ? { slots } : null
  },
  kv: (text) => {
    const kv = KV_TYPES.find((type) => type === text.toLowerCase())
    return kv === undefined ? null : { kv }
  },
  'flash-attention': (text) => {
    if (text === 'auto') return {}
    return text === 'on' || text === 'off' ? { flashAttention: text === 'on' } : null
  },
  'chat-template': (text) => (text === '' ? null : { chatTemplate: text }),
  tools: (text) => {
    if (text === 'auto') return {}
    return text === 'template' ? { toolsAsText: false } : null
  }
}

/** As people count contexts: 32k are 32,768. */
const FACTORS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2 }

const EXPECTED: Record<string, string> = {
  context: `a number of tokens from ${CONTEXT_TOKENS_MIN}, as 8192 or 32k`,
  slots: `a whole number from 1 to ${MODEL_SLOTS_MAX}`,
  kv: `one of ${KV_TYPES.join(', ')}`,
  'flash-attention': 'on, off or auto',
  'chat-template': 'a file, or the name of a template',
  tools: 'auto, or template: only where the template has a place for them'
}

/** `shown` is the option as its owner wrote it, for the error. */
export function readModelOption(name: string, text: string, shown: string): ModelOptions {
  const option = READERS[name]?.(text) ?? null
  if (option !== null) return option
  throw invalid(`${shown} cannot be used: it must be ${EXPECTED[name]}`)
}

/** Splits `uri?context=32k&slots=16`. A question mark in the name of a file is left alone. */
export function splitModelOptions(text: string): { uri: string; options: ModelOptions } {
  const at = text.lastIndexOf('?')
  if (at === -1 || /\.gguf$/i.test(text)) return { uri: text, options: {} }
  const options: ModelOptions = {}
  for (const [name, value] of new URLSearchParams(text.slice(at + 1))) {
    if (!Object.hasOwn(READERS, name)) {
      const known = Object.keys(READERS).join(', ')
      throw invalid(`"${text}" cannot be used as a model: ${name} is not one of ${known}`)
    }
    Object.assign(options, readModelOption(name, value, `"${text}": ${name}=${value}`))
  }
  return { uri: text.slice(0, at), options: checkedOptions(options, text) }
}

/** llama.cpp reads quantised values in the cache by flash attention alone. */
export function checkedOptions(options: ModelOptions, shown: string): ModelOptions {
  const { kv = 'f16', flashAttention } = options
  if (kv === 'f16' || flashAttention !== false) return options
  throw invalid(`${shown} cannot be used: kv=${kv} needs flash attention`)
}

const invalid = (message: string): HaifError => new HaifError('CONFIG_INVALID', message)
