/** Turns a request into a job for the scheduler: its prompt, its limits and its grammar. */
import type { Sampling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../../engine.ts'
import type { AnswerLimits } from './answer/answer.ts'
import type { LoadedModel } from './load-model.ts'
import type { ScoresWanted } from './schedule/prompt-scores.ts'
import type { Prompt } from './prompt/prompt.ts'
import { biasOf } from './answer/sampling.ts'
import { checkLogprobs } from './answer/token-logprobs.ts'
import { toTokens } from './tokens.ts'
import { AnswerParts, type Forced } from './answer/answer-parts.ts'
import type { CallableTool } from './format/output-format.ts'
import { refuseHopeless } from './prompt/hopeless-prompt.ts'
import type { Token, Vocabulary } from './vocabulary.ts'

/** One request as the scheduler runs it. */
export interface Job {
  id: number
  limits: AnswerLimits
  sampling: Sampling
  resumeTokens: readonly Token[]
  /** Only caches of the same scope are used for its prompt; absent is one too. */
  cacheScope?: string
  /**
   * The number of tokens that the resumed part counts as, where it is not that of `resumeTokens`.
   */
  resumeCount?: number
  /** Added to the logits of these tokens. */
  bias: ReadonlyMap<Token, number>
  /** The number of likely tokens to report beside each; without it there are no logprobs. */
  topLogprobs?: number
  /** The logprobs of the prompt's tokens are wanted, before the answer. */
  scores?: ScoresWanted
}

export function jobOf(id: number, request: GenerateRequest, loaded: LoadedModel): Job {
  const { driver, renderer, vocabulary } = loaded
  const { contextTokens } = loaded.ready
  checkLogprobs(request, driver.seesLogits)
  refuseHopeless(request.input, vocabulary, contextTokens)
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
  const isEnd = (token: Token) => prompt.stopTokens.has(token) || vocabulary.isEog(token)
  const { responseFormat, sampling, resumeText } = request
  const repeatsSpace = endsInSpace(request)
  const resumeTokens =
    resumeText === undefined
      ? toTokens(request.resumeTokenIds ?? [], vocabulary.size, 'the answer to resume')
      : prompt.output.marks.tokenize(textToResume(request, prompt, repeatsSpace))
  const resumeCount =
    resumeText === undefined
      ? resumeTokens.length
      : (request.resumeTokens ?? request.resumeTokenIds?.length ?? resumeTokens.length)
  // What the caller has written is no part of the answer, and is read like the prompt.
  const begunTokens = resumeText !== undefined && resumeCount === 0 ? resumeTokens.length : 0
  return {
    id,
    ...(request.cacheScope === undefined ? {} : { cacheScope: request.cacheScope }),
    sampling,
    bias: biasOf(sampling, vocabulary, { endTokens: driver.seesLogits }),
    resumeTokens,
    resumeCount,
    ...(request.logprobs === true ? { topLogprobs: request.topLogprobs ?? 0 } : {}),
    ...(request.promptLogprobs === true
      ? { scores: scoresOf(request, prompt.tokens, vocabulary) }
      : {}),
    limits: {
      promptTokens: prompt.tokens,
      maxTokens: request.maxTokens - resumeCount + resumeTokens.length,
      contextTokens,
      begunTokens,
      repeatsSpace,
      json: responseFormat !== undefined,
      parts: partsOf(request, { ...prompt, isEnd }, loaded),
      stopTexts: [...(request.stop ?? []), ...prompt.stopTexts],
      isEnd,
      detokenize: (tokens, before) => vocabulary.detokenize(tokens, { before })
    }
  }
}

function scoresOf(
  { input, topLogprobs = 0, resumePromptTokens: told = 0 }: GenerateRequest,
  [first]: readonly Token[],
  vocabulary: Vocabulary
): ScoresWanted {
  const { bos } = vocabulary
  const isSpelled = input.mode === 'direct' && input.prompt.startsWith(bos?.text ?? '')
  return {
    topLogprobs,
    told,
    detokenize: (tokens, before) => vocabulary.detokenize(tokens, { before, special: true }),
    beginsWithBos: input.mode !== 'tokens' && first === bos?.id && !isSpelled
  }
}

/** The tokens of its prompt, and of what it continues, as `jobOf` would have them. */
export function promptTokensOf(request: GenerateRequest, loaded: LoadedModel): number {
  refuseHopeless(request.input, loaded.vocabulary, loaded.ready.contextTokens)
  const prompt = loaded.renderer.render(request)
  if (request.resumeText === undefined) return prompt.tokens.length
  const begun = textToResume(request, prompt, endsInSpace(request))
  return prompt.tokens.length + prompt.output.marks.tokenize(begun).length
}

/** The text that is continued, and the thought before it, as the model would have written them. */
function textToResume(request: GenerateRequest, { output }: Prompt, endsInSpace: boolean): string {
  const { resumeText = '', resumeReasoning: reasoning = '' } = request
  const text = endsInSpace ? resumeText.slice(0, -1) : resumeText
  return output.format.written({ reasoning, text, opened: output.thought === 'open' })
}

/**
 * True where a caller's text ends in a space behind a word. Models begin a word with its space, so
 * the model is shown the text without that space, and writes it.
 */
function endsInSpace({ resumeText = '', resumeTokens, resumeTokenIds }: GenerateRequest): boolean {
  return (resumeTokens ?? resumeTokenIds?.length ?? 0) === 0 && /\S $/.test(resumeText)
}

function partsOf(
  request: GenerateRequest,
  { output, tokens, isEnd }: Pick<Prompt, 'output' | 'tokens'> & Pick<AnswerLimits, 'isEnd'>,
  loaded: LoadedModel
): AnswerParts {
  const { toolChoice = 'auto', parallelToolCalls = true } = request
  return new AnswerParts({
    ...output,
    isEnd,
    grammars: loaded.grammars,
    tools: callableTools(request, loaded),
    // A tool that is named is called once.
    parallel: parallelToolCalls && typeof toolChoice === 'string',
    forced: forcedOf(request, loaded),
    promptTokens: tokens
  })
}

function forcedOf(request: GenerateRequest, { grammars }: LoadedModel): Forced | null {
  const { responseFormat, tools, toolChoice = 'auto' } = request
  if (tools !== undefined && toolChoice !== 'auto') return { kind: 'calls' }
  if (responseFormat === undefined) return null
  return { kind: 'text', grammar: grammars.textOf(responseFormat) }
}

function callableTools(
  { tools, toolChoice }: GenerateRequest,
  { grammars }: LoadedModel
): CallableTool[] | null {
  if (tools === undefined) return null
  const chosen =
    typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools
  if (chosen.length === 0 && typeof toolChoice === 'object') {
    throw new HaifError(
      'VALIDATION_FAILED',
      `toolChoice names ${toolChoice.name}, which is not among the tools`,
      { details: { param: 'toolChoice' } }
    )
  }
  return chosen.map((tool) => ({
    ...tool,
    argumentsGrammar: grammars.argumentsOf(tool),
    argumentRules: () => grammars.argumentRulesOf(tool)
  }))
}
