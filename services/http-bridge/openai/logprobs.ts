/** Log probabilities of tokens in OpenAI's form. */
import type { OpenAiLogprob } from '#shared/contracts/http/openai.ts'
import type { OutputLogprob } from '#shared/contracts/http/responses.ts'
import type { TokenLogprob } from '#shared/contracts/inference/answer.ts'

type Plain = Pick<TokenLogprob, 'token' | 'logprob'>

export function toLogprob(logprob: TokenLogprob): OpenAiLogprob {
  return { ...entry(logprob), top_logprobs: logprob.top.map((one) => entry(one)) }
}

const entry = ({ token, logprob }: Plain) => ({ token, logprob, bytes: bytesOf(token) })

/** Null where the text is not known, because a token may be a part of a character. */
const bytesOf = (token: string): number[] | null =>
  token.includes('\ufffd') ? null : [...Buffer.from(token)]

/** The form of the Responses API, in which bytes are never null. */
export function toOutputLogprob(logprob: TokenLogprob): OutputLogprob {
  const { top_logprobs: top, ...rest } = toLogprob(logprob)
  return { ...withBytes(rest), top_logprobs: top.map((one) => withBytes(one)) }
}

const withBytes = <One extends { bytes: number[] | null }>(one: One) => ({
  ...one,
  bytes: one.bytes ?? []
})
