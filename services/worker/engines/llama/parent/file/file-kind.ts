/**
 * What a file is that is no model to load: by its first bytes where it is no GGUF file, by its
 * metadata where it is one. Pure. Only damage is called damage: downloading 12 GB again helps
 * nobody whose file is whole.
 */
import { basename } from 'node:path'
import { partsOf } from '../../../../models/split-files.ts'

/** The metadata that tells what a GGUF file is for. */
export interface GgufFacts {
  /** `general.architecture`, `general.type`: empty where the file does not say. */
  architecture: string
  type: string
  /** Its place in a split model, counted from 0. */
  splitNumber: number
  splitCount: number
  /** `<architecture>.context_length`; absent where the file does not say. */
  contextTokens?: number
  tensors: number
}

/** Returns what is wrong with the choice of the file and what to do; null for a model. */
export function whyNoModel(facts: GgufFacts, path: string): string | null {
  const { architecture, type, splitNumber, splitCount, tensors } = facts
  if (type === 'mmproj' || architecture === 'clip') {
    return "it is a vision projector (mmproj), which belongs to a model: name the model's own file"
  }
  if (type === 'adapter') {
    return 'it is an adapter (LoRA), which changes a model: name a model, or merge the two with llama-export-lora'
  }
  if (type === 'imatrix' || architecture === 'imatrix') {
    return 'it is an importance matrix, which helps to quantise a model: name the model itself'
  }
  if (splitNumber > 0) return partOf(splitNumber + 1, splitCount, path)
  if (tensors === 0 && splitCount <= 1)
    return 'it has a vocabulary and no weights: name the model itself'
  if (facts.contextTokens === 0) {
    return 'its metadata gives it a context of 0 tokens: choose a file of the model that was converted anew'
  }
  return null
}

function partOf(part: number, parts: number, path: string): string {
  const [first = path] = partsOf(path)
  const named = first === path ? 'the file of its part 1' : basename(first)
  return `it is part ${part} of ${parts} of a model: name ${named}, and keep all parts beside it`
}

const MEANINGS: readonly [begins: RegExp, kind: string][] = [
  [
    /^version https:\/\/git-lfs/,
    'a pointer of Git LFS and not the file itself: run "git lfs pull"'
  ],
  [
    /^\s*(?:<!doctype html|<html|<\?xml|<!--)/i,
    'a web page, perhaps of a login: download it again'
  ],
  [
    /^GGJT|^TJGG|^LMGG|^FMGG|^ALGG|^ggml|^ggjt|^ggla/,
    'of the format before GGUF: download a .gguf'
  ],
  [/^FUGG/, 'made for machines of the other byte order: choose another file'],
  [/^PK(?=\p{Cc}{2})/u, 'a ZIP archive, as of PyTorch: choose a .gguf of the model'],
  [/^.{8}\{\s*"/s, 'of safetensors: choose a .gguf of the model, or convert it'],
  [/^\p{Cc}\u008B|^BZh|^\u00FD7zXZ|^\u0028\u00B5\u002F\u00FD/u, 'compressed: unpack it first'],
  [/^\s*[{[]/, 'of JSON, perhaps an error of a server: download it again']
]

/** `head`: the first bytes of a file that does not begin as GGUF files do. */
export function whatItIs(head: Buffer): string {
  if (head.length === 0) return 'it is empty: download it again'
  const text = head.toString('latin1', 0, HEAD_BYTES)
  if (/^\0+$/.test(text)) return 'it is not a GGUF file but zeros: download it again'
  const [, kind] = MEANINGS.find(([begins]) => begins.test(text)) ?? []
  return kind === undefined
    ? 'it is not a GGUF file: name the .gguf of a model'
    : `it is not a GGUF file but ${kind}`
}

const HEAD_BYTES = 512
