/** Turns a body of `POST /v1/completions` into requests to the mesh. */
import { COMPLETION_MAX_TOKENS, CompletionBody } from '#shared/contracts/http/completions.ts'
import { CHOICES_MAX } from '#shared/contracts/http/openai.ts'
import type { Asked, InferenceInput } from '#shared/contracts/inference/request.ts'
import { readFormat } from '../../infer/request.ts'
import { bodyChecker } from '../../http/tolerant-body.ts'
import { applyFields } from '../fields/apply-fields.ts'
import { mendValues } from '../fields/odd-values.ts'
import { invalid, unsupported } from '../../http/refusal.ts'
import { choicesOf, readSampling, readStop } from '../../chat/sampling.ts'

export const checkCompletionBody = bodyChecker(CompletionBody, (fields) =>
  mendValues(applyFields(fields, 'completion'))
)

export interface WantedCompletions {
  /** One request for each choice: all of the first prompt, then all of the second. */
  asked: Asked[]
  choicesPerPrompt: number
  /** The text that each choice begins with, where it does not come with the answer. */
  echoes: string[]
}

export function readCompletion(body: CompletionBody): WantedCompletions {
  const { n = 1, echo = false, logprobs } = body
  assertPossible(body, n)
  const inputs = readPrompts(body.prompt)
  if (inputs.length * n > CHOICES_MAX) {
    const asked = inputs.length * n
    throw invalid('n', `prompts and n ask for ${asked} answers, and ${CHOICES_MAX} are the most`)
  }
  const common: Omit<Asked, 'input'> = {
    maxTokens: body.max_tokens ?? COMPLETION_MAX_TOKENS,
    sampling: readSampling(body)
  }
  if (body.model !== undefined) common.model = body.model
  const stop = readStop(body.stop)
  if (stop !== undefined) common.stop = stop
  const responseFormat = readFormat(body.response_format)
  if (responseFormat !== undefined) common.responseFormat = responseFormat
  if (logprobs !== undefined) Object.assign(common, { logprobs: true, topLogprobs: logprobs })
  const askedOf = (input: InferenceInput): Asked[] =>
    choicesOf({ input, ...common, ...(echo ? told(input, logprobs) : {}) }, n)
  return {
    asked: inputs.flatMap(askedOf),
    choicesPerPrompt: n,
    echoes: inputs.flatMap((input) =>
      Array.from({ length: n }, () => (echo ? echoOf(input, logprobs) : ''))
    )
  }
}

function assertPossible({ best_of: bestOf }: CompletionBody, n: number): void {
  if (bestOf !== undefined && bestOf < n) throw invalid('best_of', 'best_of must be at least n')
  if (bestOf !== undefined && bestOf > n) {
    throw unsupported('best_of', 'best_of above n is not supported: ask for n and choose yourself')
  }
}

function readPrompts(prompt: CompletionBody['prompt']): InferenceInput[] {
  if (typeof prompt === 'string') return [{ mode: 'direct', prompt }]
  const [first] = prompt
  if (typeof first === 'number') return [{ mode: 'tokens', tokenIds: prompt as number[] }]
  return (prompt as (string | number[])[]).map((one) =>
    typeof one === 'string' ? { mode: 'direct', prompt: one } : { mode: 'tokens', tokenIds: one }
  )
}

/** Only the model knows the texts of token ids, and how likely the tokens of a text were. */
const isTold = (input: InferenceInput, logprobs: number | undefined): boolean =>
  logprobs !== undefined || input.mode === 'tokens'

const told = (input: InferenceInput, logprobs: number | undefined): Partial<Asked> =>
  isTold(input, logprobs) ? { promptLogprobs: true, logprobs: true } : {}

const echoOf = (input: InferenceInput, logprobs: number | undefined): string =>
  input.mode === 'direct' && !isTold(input, logprobs) ? input.prompt : ''
