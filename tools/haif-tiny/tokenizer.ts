/**
 * The tokenizer of the engine itself, over a GGUF file that holds the new vocabulary and next to no
 * weights: so the ids in training are exactly those that the worker will produce.
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { llamaHparams, llamaTensors } from './gguf/llama-shape.ts'
import { randomWeights } from './gguf/random-model.ts'
import type { Vocabulary } from './gguf/vocabulary.ts'
import { writeGguf } from './gguf/write.ts'

export interface Tokenizer {
  plain(text: string): number[]
  special(token: string): number
  close(): Promise<void>
}

export async function openTokenizer(vocabulary: Vocabulary, file: string): Promise<Tokenizer> {
  const shape = {
    vocabularySize: vocabulary.tokens.length,
    contextLength: 512,
    dim: 32,
    layers: 1,
    heads: 1,
    kvHeads: 1,
    ffnDim: 32,
    tied: true
  }
  const keyValues = [...llamaHparams(shape), ...vocabulary.keyValues]
  writeGguf(file, keyValues, llamaTensors(shape, 'F16', randomWeights(1)))
  const llama = await getLlama({ build: 'never', gpu: false, logLevel: LlamaLogLevel.error })
  const model = await llama.loadModel({ modelPath: file, vocabOnly: true })
  const known = new Map<string, number[]>() // templates repeat; made-up words do not
  return {
    plain(text) {
      const ids = known.get(text) ?? model.tokenize(text, false)
      if (known.size < KNOWN_MAX) known.set(text, ids)
      return ids
    },
    special: (token) => model.tokenize(token, true)[0]!,
    close: () => llama.dispose()
  }
}

const KNOWN_MAX = 100_000
