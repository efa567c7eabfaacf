/** The part of the library's sequences that the scheduler uses; tests bring their own. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp'

/** One slot's part of the cache, and the way to draw tokens after it. */
export type Sequence = Pick<
  LlamaContextSequence,
  | 'nextTokenIndex'
  | 'compareContextTokens'
  | 'adaptStateToTokens'
  | 'clearHistory'
  | 'evaluate'
  | 'evaluateWithoutGeneratingNewTokens'
> &
  Partial<Pick<LlamaContextSequence, 'evaluateWithMetadata'>>

/** A token with the probabilities that the model gave to it and to all others. */
export interface Drawn {
  token: Token
  probabilities: ReadonlyMap<Token, number>
}
