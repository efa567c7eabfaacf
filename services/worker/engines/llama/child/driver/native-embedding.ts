/** Vectors of texts, from a context of its own with one sequence. */
import type { VectorMaker } from '../embedding-context.ts'
import { beginStep, endStep, type StepMemory } from '../step-memory.ts'
import type { Token } from '../vocabulary.ts'
import { NativeContext, type ContextOptions } from './native-context.ts'
import { floatsAt } from './api/native-memory.ts'
import type { NativeModel } from './native-model.ts'

/** Of `enum llama_pooling_type`. */
const POOLING_NONE = 0
/** Of `enum llama_vocab_type`. */
const [WORDPIECE, UNIGRAM, RWKV] = [3, 4, 5]

export class NativeVectorMaker implements VectorMaker {
  readonly #model: NativeModel
  readonly #context: NativeContext
  readonly #step: StepMemory
  readonly #begin: number | null
  readonly #end: number | null

  constructor(
    model: NativeModel,
    { step, ...options }: Omit<ContextOptions, 'slots' | 'embeddings'> & { step: StepMemory }
  ) {
    this.#model = model
    this.#step = step
    this.#context = new NativeContext(model, { ...options, slots: 1, embeddings: true })
    ;[this.#begin, this.#end] = marksOf(model)
  }

  lengthOf(tokens: readonly Token[]): number {
    return this.#whole(tokens).length
  }

  #whole(tokens: readonly Token[]): Token[] {
    const begin = this.#begin === null || tokens[0] === this.#begin ? [] : [this.#begin as Token]
    const end = this.#end === null || tokens.at(-1) === this.#end ? [] : [this.#end as Token]
    return [...begin, ...tokens, ...end]
  }

  async vectorOf(text: readonly Token[]): Promise<Float32Array> {
    const tokens = this.#whole(text)
    const { api, pointer } = this.#model
    const { batch } = this.#context
    this.#context.cut(0, 0)
    for (let at = 0; at < tokens.length; at += batch.tokensMax) {
      batch.clear()
      const piece = tokens.slice(at, at + batch.tokensMax)
      batch.add(piece, { sequence: 0, position: at, output: 'all' })
      beginStep(this.#step, 0)
      const isWhole = this.#context.decode()
      endStep(this.#step)
      if (!isWhole) throw new Error('the step was broken off')
    }
    const address = this.#address()
    if (address === null) return new Float32Array()
    return floatsAt(address, api.llama_model_n_embd_out(pointer)).slice()
  }

  #address(): bigint | null {
    const { api } = this.#model
    const { pointer } = this.#context
    const isPooled = api.llama_pooling_type(pointer) !== POOLING_NONE
    const pooled = isPooled ? api.llama_get_embeddings_seq(pointer, 0) : null
    return pooled ?? api.llama_get_embeddings_ith(pointer, -1)
  }
}

/** The tokens that a model of this kind reads before and after every text. */
function marksOf({ api, vocab }: NativeModel): [begin: number | null, end: number | null] {
  const type = api.llama_vocab_type(vocab)
  const known = (id: number) => (id < 0 ? null : id)
  if (type === RWKV) return [null, null]
  if (type === WORDPIECE)
    return [known(api.llama_vocab_bos(vocab)), known(api.llama_vocab_sep(vocab))]
  if (type === UNIGRAM) return [null, known(api.llama_vocab_eos(vocab))]
  const begin = api.llama_vocab_get_add_bos(vocab) ? known(api.llama_vocab_bos(vocab)) : null
  const end = api.llama_vocab_get_add_eos(vocab) ? known(api.llama_vocab_eos(vocab)) : null
  return [begin, end]
}
