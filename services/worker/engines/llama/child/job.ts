/** Turns a request into a job for the scheduler: its prompt, its limits and its grammar. */
import type { Sampling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../../engine.ts'
import { unsupported } from '../../errors.ts'
import type { AnswerLimits } from './answer/answer.ts'
import type { LoadedContext } from './load-model.ts'
import type { Prompt } from './prompt/prompt.ts'
import { biasOf } from './answer/sampling.ts'
import { checkLogprobs } from './answer/token-logprobs.ts'
import type { Detokenize } from './answer/token-text.ts'
import { toTokens } from './tokens.ts'
import { ToolCalls } from './answer/tool-calls.ts'
import type { GrammarState } from './grammar.ts'
import type { Token, Vocabulary } from './vocabulary.ts'

/** One request as the scheduler runs it. */
export interface Job {
  id: number
  limits: AnswerLimits
  sampling: Sampling
  resumeTokens: readonly Token[]
  /**
   * The number of tokens that the resumed part counts as, where it is not that of `resumeTokens`.
   */
  resumeCount?: number
  /** The grammar's state after the resumed tokens. */
  grammar?: GrammarState
  /** Added to the logits of these tokens. */
  bias: ReadonlyMap<Token, number>
  /** The number of likely tokens to report beside each; without it there are no logprobs. */
  topLogprobs?: number
}

export function jobOf(id: number, request: GenerateRequest, loaded: LoadedContext): Job {
  const { driver, renderer, grammars, vocabulary } = loaded
  const { contextTokens } = loaded.ready
  checkLogprobs(request, driver.seesLogits)
  const prompt = renderer.render(request)
  const promptTokens = prompt.tokens.length
  if (promptTokens === 0) throw new HaifError('VALIDATION_FAILED', 'the prompt is empty')
  if (promptTokens >= contextTokens) {
    throw new HaifError(
      'CONTEXT_TOO_LONG',
      `the prompt has ${promptTokens} tokens and the model's context ${contextTokens}: ` +
        `shorten the prompt by ${promptTokens - contextTokens + 1} tokens or more`,
      { details: { promptTokens, contextTokens } }
    )
  }
  const { responseFormat, sampling, resumeText } = request
  const resumeTokens =
    resumeText === undefined
      ? toTokens(request.resumeTokenIds ?? [], vocabulary.size, 'the answer to resume')
      : vocabulary.tokenize(textToResume(request, prompt), { continued: true })
  const resumeCount =
    resumeText === undefined
      ? resumeTokens.length
      : (request.resumeTokens ?? request.resumeTokenIds?.length ?? resumeTokens.length)
  return {
    id,
    sampling,
    bias: biasOf(sampling, vocabulary, { endTokens: driver.seesLogits }),
    resumeTokens,
    resumeCount,
    ...(responseFormat === undefined
      ? {}
      : { grammar: grammars.stateAfter(responseFormat, resumeTokens) }),
    ...(request.logprobs === true ? { topLogprobs: request.topLogprobs ?? 0 } : {}),
    limits: {
      promptTokens: prompt.tokens,
      maxTokens: request.maxTokens - resumeCount + resumeTokens.length,
      contextTokens,
      json: responseFormat !== undefined,
      // Under a grammar there is no reasoning; a text that is continued is an answer already.
      ...(prompt.reasoning === null || responseFormat !== undefined || isAnswerResumed(request)
        ? {}
        : { reasoning: prompt.reasoning }),
      ...toolsOf(request, prompt, loaded),
      stopTexts: [...(request.stop ?? []), ...prompt.stopTexts],
      isEnd: (token) =>
        prompt.stopTokens.has(token) || (vocabulary.isEog(token) && !prompt.innerTokens.has(token)),
      detokenize: detokenizer(vocabulary, prompt.calls?.controlTokens ?? new Set())
    }
  }
}

/** Reasoning is followed by its end mark, unless the reasoning itself is continued. */
function textToResume(request: GenerateRequest, { reasoning }: Prompt): string {
  const { resumeText = '', resumeReasoning = '' } = request
  if (reasoning === null || resumeReasoning === '') return resumeText
  const { begin, end } = reasoning.marks
  const thought = `${reasoning.opened ? '' : begin}\n${resumeReasoning}`
  return resumeText === '' ? thought : `${thought}${end}\n\n${resumeText}`
}

const isAnswerResumed = ({ resumeText = '', resumeReasoning = '' }: GenerateRequest): boolean =>
  resumeText !== '' && resumeReasoning === ''

function toolsOf(
  {
    tools,
    toolChoice: choice = 'auto',
    parallelToolCalls: parallel = true,
    ...request
  }: GenerateRequest,
  { calls, tokens }: Prompt,
  { grammars }: LoadedContext
): Pick<Job['limits'], 'tools'> {
  if (tools === undefined || calls === undefined) return {}
  if (request.responseFormat !== undefined) {
    throw unsupported(
      'responseFormat',
      'the llama engine cannot do responseFormat together with tools: leave one of them out'
    )
  }
  const { format } = calls
  return {
    tools: new ToolCalls({ format, tools, choice, parallel, grammars, promptTokens: tokens })
  }
}

/** Control tokens are no part of a text, except for those in which a tool call is written. */
function detokenizer(vocabulary: Vocabulary, shown: ReadonlySet<Token>): Detokenize {
  const text: Detokenize = (tokens, before) => {
    const at = tokens.findIndex((token) => shown.has(token))
    if (at === -1) return vocabulary.detokenize(tokens, { before })
    const mark = vocabulary.detokenize([tokens[at]!], { special: true })
    const [head, tail] = [tokens.slice(0, at), tokens.slice(at + 1)]
    return (at === 0 ? '' : text(head, before)) + mark + (tail.length === 0 ? '' : text(tail, []))
  }
  return text
}
