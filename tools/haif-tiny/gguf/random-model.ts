/**
 * A model that runs but says nothing: random weights, for tests that need a GGUF file and not an
 * answer. The defaults give about 80 kB that load in a few milliseconds; the same options and seed
 * give the same bytes.
 */
import { llamaHparams, llamaTensors, type LlamaShape, type Weights } from './llama-shape.ts'
import type { TensorType } from './quantize.ts'
import { bpeVocabulary, spmVocabulary, type Merge, type Vocabulary } from './vocabulary.ts'
import { writeGguf, type KeyValue } from './write.ts'
import { xorshift } from './xorshift.ts'

export interface RandomModelOptions {
  /** Sizes that differ from the default; the vocabulary's size follows from its kind. */
  shape?: Partial<Omit<LlamaShape, 'vocabularySize'>>
  type?: TensorType
  vocabulary?: 'bpe' | 'spm'
  /** Tokens that are never used fill a `bpe` vocabulary up to so many. */
  vocabularySize?: number
  /** Those tokens stand for text, so that an answer of them has something to send. */
  writtenFillers?: boolean
  /** More control tokens of a `bpe` vocabulary, after the special ones. */
  controlTokens?: readonly string[]
  /** ChatML unless given; null writes none. */
  chatTemplate?: string | null
  name?: string
  seed?: number
  /** Metadata added at the end, such as `general.license`. */
  keyValues?: readonly KeyValue[]
}

/** Writes the model and returns the size of the file in bytes. */
export function writeRandomModel(file: string, options: RandomModelOptions = {}): number {
  const { type = 'F16', vocabulary: kind = 'bpe', seed = 1 } = options
  const vocabulary = VOCABULARIES[kind](options)
  const shape = { ...SHAPE, ...options.shape, vocabularySize: vocabulary.tokens.length }
  return writeGguf(
    file,
    [
      ...llamaHparams(shape),
      ['general.name', 'str', options.name ?? 'random'],
      ...vocabulary.keyValues,
      ...(options.keyValues ?? [])
    ],
    llamaTensors(shape, type, randomWeights(seed))
  )
}

const SHAPE = {
  contextLength: 512,
  dim: 32, // the least that the block formats allow
  layers: 1,
  heads: 2,
  kvHeads: 1,
  ffnDim: 64
} as const satisfies Omit<LlamaShape, 'vocabularySize'>

/** Enough to see that pieces are joined. */
const MERGES: Merge[] = [
  ['h', 'e'],
  ['l', 'l'],
  ['he', 'll'],
  ['hell', 'o'],
  ['Ġ', 't']
]
const PIECES = ['▁t', 'he', 'll', 'hell', 'hello', ...Array.from('▁abcdefghijklmnopqrstuvwxyz')]

const VOCABULARIES: Record<'bpe' | 'spm', (options: RandomModelOptions) => Vocabulary> = {
  bpe: (options) =>
    bpeVocabulary(MERGES, {
      padTo: options.vocabularySize ?? 0,
      writtenFillers: options.writtenFillers ?? false,
      control: options.controlTokens ?? [],
      ...templateOf(options)
    }),
  spm: (options) => spmVocabulary(PIECES, templateOf(options))
}

const templateOf = ({ chatTemplate }: RandomModelOptions) =>
  chatTemplate === undefined ? {} : { chatTemplate }

/** Noise of about the right scale. Norms are 1. */
export function randomWeights(seed: number): Weights {
  const pool = noisePool(seed)
  let offset = 0
  return (name, dims) => {
    if (name.endsWith('norm.weight')) return (_start, count) => new Float32Array(count).fill(1)
    const scale = name.startsWith('token_embd') ? 1 : 1 / Math.sqrt(dims[0] ?? 1)
    const own = (offset += POOL_STRIDE)
    const read = (start: number, count: number) =>
      Float32Array.from({ length: count }, (_, i) => pool[(start + own + i) % POOL_SIZE]! * scale)
    return Object.assign(read, { period: POOL_SIZE })
  }
}

const POOL_SIZE = 1 << 16
const POOL_STRIDE = 7919 // a prime, so that no two tensors read the pool in step

/** Near-normal noise: the sum of three uniform numbers. */
function noisePool(seed: number): Float32Array {
  const uniform = xorshift(seed)
  return Float32Array.from(
    { length: POOL_SIZE },
    () => (uniform() + uniform() + uniform() - 1.5) * 2
  )
}
