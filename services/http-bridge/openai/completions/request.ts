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
  /** The text that each choice begins with. */
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
  return {
    asked: inputs.flatMap((input) => choicesOf({ input, ...common }, n)),
    choicesPerPrompt: n,
    echoes: inputs.flatMap((input) => Array.from({ length: n }, () => echoOf(input, echo)))
  }
}

function assertPossible({ best_of: bestOf, echo, logprobs }: CompletionBody, n: number): void {
  if (bestOf !== undefined && bestOf < n) throw invalid('best_of', 'best_of must be at least n')
  if (bestOf !== undefined && bestOf > n) {
    throw unsupported('best_of', 'best_of above n is not supported: ask for n and choose yourself')
  }
  if (echo === true && logprobs !== undefined) {
    throw unsupported(
      'echo',
      'echo with logprobs is not supported: those of a prompt are not known'
    )
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

function echoOf(input: InferenceInput, echo: boolean): string {
  if (!echo) return ''
  if (input.mode === 'direct') return input.prompt
  throw unsupported('echo', 'echo is not supported for a prompt of token ids: send it as text')
}
