/**
 * Model files for the benchmark of the engine: random weights in the shapes of real models, written
 * once and kept in the temporary folder. What they say means nothing; what they cost is real.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeRandomModel } from '../../../tools/haif-tiny/gguf/random-model.ts'
import { xorshift } from '../../../tools/haif-tiny/gguf/xorshift.ts'

/** Those of Llama 2 and of Llama 3. */
const VOCABULARIES = { '32k': 32_000, '128k': 128_256 } as const
const CONTEXT = 8192

const SHAPES = {
  /** 109.5 M parameters: the layers of GPT-2 small, with gated feed-forward. */
  '125M': { dim: 768, layers: 12, heads: 12, kvHeads: 12, ffnDim: 2048, tied: true },
  /** 1.10 B parameters: the shape of TinyLlama. */
  '1.1B': { dim: 2048, layers: 22, heads: 32, kvHeads: 4, ffnDim: 5632, tied: false },
  /** The shape of Llama 3.1 8B. */
  '8B': { dim: 4096, layers: 32, heads: 32, kvHeads: 8, ffnDim: 14_336, tied: false }
} as const

type ShapeName = keyof typeof SHAPES
type Quantization = 'Q4_0' | 'Q8_0'
type VocabularyName = keyof typeof VOCABULARIES

export interface BenchModel {
  shape: ShapeName
  quantization: Quantization
  /** 32k unless it says otherwise. */
  vocabulary?: VocabularyName
}

export const modelName = ({ shape, quantization, vocabulary }: BenchModel): string =>
  [shape, quantization, ...(vocabulary === undefined ? [] : [vocabulary])].join(' ')

/** Returns the file's path. */
export function benchModelFile({ shape, quantization, vocabulary = '32k' }: BenchModel): string {
  const folder = join(tmpdir(), 'haif-bench-models')
  const file = join(folder, `${shape}-${quantization}-${vocabulary}.gguf`)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const part = `${file}.${process.pid}`
  writeRandomModel(part, {
    shape: { ...SHAPES[shape], contextLength: CONTEXT },
    type: quantization,
    vocabularySize: VOCABULARIES[vocabulary],
    writtenFillers: true
  })
  renameSync(part, file)
  return file
}

/** Prompts that begin differently; the same for the same seed. */
export function randomPrompts(count: number, tokens: number, seed: number): number[][] {
  const draw = xorshift(seed)
  return Array.from({ length: count }, () =>
    Array.from({ length: tokens }, () => Math.floor(draw() * PLAIN_TOKENS))
  )
}

/** A text of about so many tokens: letters, which the vocabulary has no longer pieces for. */
export function randomText(tokens: number, seed: number): string {
  const draw = xorshift(seed)
  return Array.from({ length: tokens }, () => LETTERS[Math.floor(draw() * LETTERS.length)]).join('')
}

const LETTERS = 'abcdfgijkmnpqrsuvwxyz'

/** The bytes: below the special tokens. */
const PLAIN_TOKENS = 256
