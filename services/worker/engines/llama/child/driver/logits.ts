/** How likely a model holds each token to be, by its logits. */
import type { LikelyToken, Scored } from '../driver.ts'
import type { Token } from '../vocabulary.ts'

/** The logarithm of the sum that all probabilities are divided by. */
function logSum(logits: Float32Array): number {
  let most = -Infinity
  for (let token = 0; token < logits.length; token++) most = Math.max(most, logits[token]!)
  let sum = 0
  for (let token = 0; token < logits.length; token++) sum += Math.exp(logits[token]! - most)
  return most + Math.log(sum)
}

/** How likely a token is, and the likeliest. */
export function scoreOf(token: Token, logits: Float32Array, topLogprobs: number): Scored {
  const sum = logSum(logits)
  return { logprob: logits[token]! - sum, top: top(logits, topLogprobs, sum) }
}

/** The `count` likeliest tokens, the likeliest first. */
function top(logits: Float32Array, count: number, sum: number): LikelyToken[] {
  const best: LikelyToken[] = []
  if (count === 0) return best
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!
    if (best.length === count && logit <= best[count - 1]![1]) continue
    const at = best.findIndex(([, other]) => logit > other)
    best.splice(at === -1 ? best.length : at, 0, [token as Token, logit])
    if (best.length > count) best.pop()
  }
  return best.map(([token, logit]) => [token, logit - sum])
}
