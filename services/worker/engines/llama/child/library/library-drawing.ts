/** One answer as `node-llama-cpp` draws it: a generator of tokens, which it takes back itself. */
import assert from 'node:assert/strict'
import {
  TokenBias,
  type LlamaContextSequence,
  type LlamaGrammarEvaluationState,
  type SequenceEvaluateOptions
} from 'node-llama-cpp'
import type { Drawing, DrawOptions, Drawn, LikelyToken } from '../driver.ts'
import { penaltiesOf, seedOf, truncationOf } from '../answer/sampling.ts'
import type { Token } from '../vocabulary.ts'
import { LibraryGrammarState } from './library-grammar.ts'

type Generated = Token | { token: Token; probabilities: ReadonlyMap<Token, number> }

export class LibraryDrawing implements Drawing {
  readonly #sequence: LlamaContextSequence
  readonly #options: DrawOptions
  #generator: AsyncGenerator<Generated, void> | null = null

  constructor(sequence: LlamaContextSequence, options: DrawOptions) {
    this.#sequence = sequence
    this.#options = options
  }

  /** `tokens` count the first time; later they are the token drawn last, which is known here. */
  async next(tokens: readonly Token[]): Promise<Drawn> {
    this.#generator ??= this.#generate([...tokens])
    const { value, done } = await this.#generator.next()
    if (done) throw new Error('the library ended the answer without an end token')
    if (typeof value === 'number') return { token: value }
    const { token, probabilities } = value
    const top = likeliest(probabilities, this.#options.topLogprobs ?? 0)
    return { token, logprob: Math.log(probabilities.get(token) ?? 0), top }
  }

  async close(): Promise<void> {
    await this.#generator?.return()
  }

  #generate(tokens: Token[]): AsyncGenerator<Generated, void> {
    const options = this.#evaluateOptions()
    return this.#options.topLogprobs === undefined
      ? this.#sequence.evaluate(tokens, options)
      : this.#sequence.evaluateWithMetadata(tokens, { probabilities: true }, options)
  }

  #evaluateOptions(): SequenceEvaluateOptions {
    const { sampling, bias, promptTokens, answerTokens, grammar } = this.#options
    const penalties = penaltiesOf(sampling)
    const { window } = penalties ?? { window: 0 }
    const fromPrompt = penalties?.countsPrompt === true ? promptTokens.slice(-window) : []
    return {
      ...truncationOf(sampling),
      seed: seedOf(sampling.seed, answerTokens.length),
      ...(penalties === null
        ? {}
        : {
            repeatPenalty: {
              penalty: penalties.repeat,
              frequencyPenalty: penalties.frequency,
              presencePenalty: penalties.presence,
              maxPunishTokens: window,
              punishTokens: () => [...fromPrompt, ...answerTokens.slice(-window)].slice(-window)
            }
          }),
      ...(bias.size === 0 ? {} : { tokenBias: this.#tokenBias() }),
      grammarEvaluationState: () => libraryState(grammar()),
      // The end token is a token of the answer: a resume after it must end at once.
      yieldEogToken: true
    }
  }

  #tokenBias(): TokenBias {
    const tokenBias = TokenBias.for(this.#sequence.model)
    for (const [token, logit] of this.#options.bias) tokenBias.set(token, { logit })
    return tokenBias
  }
}

function libraryState(
  state: ReturnType<DrawOptions['grammar']>
): LlamaGrammarEvaluationState | undefined {
  if (state === undefined) return undefined
  assert(state instanceof LibraryGrammarState)
  return state.state
}

/** Sorting a whole vocabulary for each token would cost more than computing it. */
function likeliest(probabilities: ReadonlyMap<Token, number>, count: number): LikelyToken[] {
  const best: [Token, number][] = []
  if (count === 0) return best
  for (const [token, probability] of probabilities) {
    if (best.length === count && probability <= best.at(-1)![1]) continue
    const at = best.findIndex(([, other]) => probability > other)
    best.splice(at === -1 ? best.length : at, 0, [token, probability])
    if (best.length > count) best.pop()
  }
  return best.map(([token, probability]) => [token, Math.log(probability)])
}
