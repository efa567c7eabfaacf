/**
 * A prompt of which each token's logprob is told, and the answer behind it, as servers with `echo`
 * and `logprobs` give them: in one reply, because streams differ in what they tell of a prompt.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { FinishReason, PromptToken, Usage } from '#shared/contracts/inference/answer.ts'
import { check } from '#shared/rpc/check.ts'
import type { GenerateItem, GenerateRequest } from '../engine.ts'
import { unsupported } from '../errors.ts'
import { orNull } from './call-parts.ts'
import type { UpstreamClient } from './upstream-client.ts'

const Logprobs = orNull(
  Type.Object({
    tokens: Type.Array(Type.String()),
    token_logprobs: Type.Array(Type.Union([Type.Number(), Type.Null()])),
    top_logprobs: orNull(
      Type.Array(Type.Union([Type.Record(Type.String(), Type.Number()), Type.Null()]))
    ),
    text_offset: Type.Array(Type.Integer({ minimum: 0 }))
  })
)

const Reply = Compile(
  Type.Object({
    choices: Type.Array(
      Type.Object({
        text: Type.String(),
        finish_reason: orNull(Type.String()),
        logprobs: Logprobs
      }),
      { minItems: 1 }
    ),
    usage: orNull(Type.Object({ prompt_tokens: Type.Integer({ minimum: 0 }) }))
  })
)
type Told = NonNullable<Static<typeof Logprobs>>

interface ScoredAnswer {
  items: GenerateItem[]
  finishReason: FinishReason
  usage: Usage
}

/** Prompt tokens in one item: with 20 others beside each, they are far below what an item holds. */
const ITEM_PROMPT_TOKENS = 512
const LOGPROB_MIN = -9999

export async function scoredAnswer(
  request: GenerateRequest,
  body: Record<string, unknown>,
  { client, signal }: { client: UpstreamClient; signal: AbortSignal }
): Promise<ScoredAnswer> {
  const { stream: _, stream_options: _options, ...whole } = body
  const asked = { ...whole, echo: true, logprobs: request.topLogprobs ?? 0 }
  const reply = await client.postJson('/completions', asked, signal)
  const { choices, usage } = check(Reply, reply, `${client.name}: its answer`, 'ENGINE_FAILED')
  const { text, logprobs, finish_reason: reason } = choices[0]!
  const promptTokens = usage?.prompt_tokens ?? promptTokensIn(request, logprobs)
  if (logprobs == null || !isTold(logprobs, promptTokens)) {
    throw unsupported('promptLogprobs', `${client.name} does not tell the logprobs of prompts`)
  }
  const entries = entriesOf(text, logprobs)
  const prompt = entries.slice(request.resumePromptTokens ?? 0, promptTokens)
  const answer = request.maxTokens === 0 ? [] : entries.slice(promptTokens)
  return {
    items: [...promptItems(prompt), ...answerItems(answer)],
    finishReason: request.maxTokens === 0 || reason === 'length' ? 'length' : 'stop',
    usage: { promptTokens, cachedPromptTokens: 0, completionTokens: answer.length }
  }
}

/** Nothing can be said of the first token, so a server that says something echoes no prompt. */
const isTold = ({ tokens, token_logprobs: logprobs }: Told, promptTokens: number): boolean =>
  promptTokens > 0 && tokens.length >= promptTokens && logprobs[0] === null

function promptTokensIn({ input }: GenerateRequest, told: Told | null | undefined): number {
  if (input.mode === 'tokens') return input.tokenIds.length
  if (input.mode === 'chat' || told == null) return 0
  return told.text_offset.filter((offset) => offset < input.prompt.length).length
}

function entriesOf(text: string, told: Told): PromptToken[] {
  return told.tokens.map((token, i) => {
    const [from, to] = [told.text_offset[i] ?? text.length, told.text_offset[i + 1] ?? text.length]
    const logprob = told.token_logprobs[i] ?? null
    const top = Object.entries(told.top_logprobs?.[i] ?? {})
      .map(([other, value]) => ({ token: other, logprob: bounded(value) }))
      .toSorted((a, b) => b.logprob - a.logprob)
    const added = text.slice(from, to)
    const entry = { token, logprob: logprob === null ? null : bounded(logprob), top }
    return added === token ? entry : { ...entry, text: added }
  })
}

const bounded = (logprob: number): number => Math.min(0, Math.max(LOGPROB_MIN, logprob))

function promptItems(prompt: readonly PromptToken[]): GenerateItem[] {
  const count = Math.ceil(prompt.length / ITEM_PROMPT_TOKENS)
  return Array.from({ length: count }, (_, i) => ({
    tokenIds: [],
    text: '',
    prompt: prompt.slice(i * ITEM_PROMPT_TOKENS, (i + 1) * ITEM_PROMPT_TOKENS)
  }))
}

function answerItems(answer: readonly PromptToken[]): GenerateItem[] {
  return answer.map(({ token, logprob, top, text = token }) => ({
    tokenIds: [],
    tokens: 1,
    text,
    logprobs: [{ token, logprob: logprob ?? 0, top }]
  }))
}
