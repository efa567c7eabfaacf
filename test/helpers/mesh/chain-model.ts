/**
 * A model whose next token depends on the last one only, by a chain that a test chooses: a real
 * file for the real engine, with a real family's template, that thinks, calls and answers as if it
 * had learnt to. Where a grammar forbids the next token it takes any that is allowed.
 */
import {
  llamaHparams,
  llamaTensors,
  type Weights
} from '../../../tools/haif-tiny/gguf/llama-shape.ts'
import { bpeVocabulary, BYTE_SYMBOLS } from '../../../tools/haif-tiny/gguf/vocabulary.ts'
import { writeGguf } from '../../../tools/haif-tiny/gguf/write.ts'
import { xorshift } from '../../../tools/haif-tiny/gguf/xorshift.ts'

const END = '<|im_end|>'
/** Wide enough for any two of the ~270 tokens to be nearly at right angles. */
const DIM = 256
/** Makes the next token of the chain certain at any temperature. */
const SHARPNESS = 0.5

interface ChainModelOptions {
  /**
   * Each text is followed by the next; the last by the end. No character may come twice, and a text
   * that no grammar lets follow the one before it only says what comes after it.
   */
  chain: readonly string[]
  /** Texts of the chain that are one token. */
  control?: readonly string[]
  chatTemplate: string
  contextLength?: number
}

export function writeChainModel(file: string, options: ChainModelOptions): void {
  const { chain, control = [], chatTemplate, contextLength = 4096 } = options
  const vocabulary = bpeVocabulary([], { control, chatTemplate })
  const idOf = (token: string): number => vocabulary.tokens.indexOf(token)
  const steps = [
    ...chain.flatMap((text) =>
      control.includes(text)
        ? [idOf(text)]
        : [...Buffer.from(text)].map((byte) => idOf(BYTE_SYMBOLS[byte]!))
    ),
    idOf(END)
  ]
  if (new Set(steps).size < steps.length) throw new Error('a token comes twice in the chain')
  const shape = {
    vocabularySize: vocabulary.tokens.length,
    contextLength,
    dim: DIM,
    layers: 1,
    heads: 2,
    kvHeads: 1,
    ffnDim: 64
  }
  const keyValues = [...llamaHparams(shape), ['general.name', 'str', 'chain'] as const]
  const tensors = llamaTensors(shape, 'F16', weightsOf(steps, shape.vocabularySize))
  writeGguf(file, [...keyValues, ...vocabulary.keyValues], tensors)
}

/** Layers add nothing; the output row of each step is the embedding of the step before it. */
function weightsOf(steps: readonly number[], vocabularySize: number): Weights {
  const sign = xorshift(1)
  const embedding = Float32Array.from({ length: vocabularySize * DIM }, () =>
    sign() < 0.5 ? -1 : 1
  )
  const output = new Float32Array(vocabularySize * DIM)
  for (const [index, next] of steps.entries()) {
    const last = steps[index - 1]
    if (last === undefined) continue
    const row = embedding.subarray(last * DIM, (last + 1) * DIM)
    output.set(
      row.map((value) => value * SHARPNESS),
      next * DIM
    )
  }
  return (name, dims) => {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const values = name.endsWith('norm.weight')
      ? new Float32Array(size).fill(1)
      : ({ 'token_embd.weight': embedding, 'output.weight': output }[name] ??
        new Float32Array(size))
    return (start, count) => values.slice(start, start + count)
  }
}
