/** Writes answers of `POST /v1/completions`, whole and as chunks. */
import type { CompletionReply } from '#shared/contracts/http/completions.ts'
import type {
  InferenceEnd,
  InferenceItem,
  PromptToken,
  TokenLogprob
} from '#shared/contracts/inference/answer.ts'
import type { AnswerPart, AnswerParts } from '../../ask/answer-parts.ts'
import type { EventForm } from '../../ask/send-answer.ts'
import type { FailedRequest } from '../../http/errors.ts'
import type { SseWriter } from '../../http/stream/sse-writer.ts'
import type { ReplyHead } from '../chat/reply.ts'
import type { WantedCompletions } from './request.ts'
import { openAiErrorBody } from '../error.ts'
import { commentOn, explanationsOf, sumUsage } from '../reply-parts.ts'

type CompletionChoice = CompletionReply['choices'][number]
type CompletionLogprobs = NonNullable<CompletionChoice['logprobs']>

interface CompletionOptions extends ReplyHead {
  /** The client's name for the model; without one, the first item tells which answers. */
  model?: string | undefined
  wanted: WantedCompletions
  includeUsage: boolean
  withLogprobs: boolean
  tellsServed: boolean
}

export async function gatherCompletion(
  parts: AnswerParts,
  options: CompletionOptions
): Promise<{ reply: CompletionReply; ends: InferenceEnd[] }> {
  const { id, created, system_fingerprint, wanted } = options
  const choices = wanted.echoes.map((text, index) => emptyChoice(index, text, options))
  const ends: InferenceEnd[] = []
  for await (const together of parts) {
    for (const part of together) {
      const choice = choices[part.index]!
      if (part.kind === 'end') {
        choice.finish_reason = finishReasonOf(part.end)
        ends[part.index] = part.end
        continue
      }
      addItem(choice, part.item, choice.text.length)
    }
  }
  const reply: CompletionReply = {
    id,
    object: 'text_completion',
    created,
    model: ends[0]!.model,
    choices,
    usage: sumUsage(usagesOf(ends), wanted.choicesPerPrompt),
    system_fingerprint,
    ...explanationsOf(ends)
  }
  return { reply, ends }
}

export class CompletionChunks implements EventForm {
  readonly #options: CompletionOptions
  #model: string
  readonly #ends: InferenceEnd[] = []
  readonly #offsets: number[] = [] // the characters of each choice so far

  constructor(options: CompletionOptions) {
    this.#options = options
    this.#model = options.model ?? ''
  }

  part(part: AnswerPart, events: SseWriter): void {
    commentOn(part, events, this.#options.tellsServed)
    const { index } = part
    if (part.kind === 'item' && this.#model === '') this.#model = part.item.model ?? ''
    if (part.kind === 'item' && part.item.queued !== undefined) return
    const choice = emptyChoice(index, this.#echo(index), this.#options)
    if (part.kind === 'item') this.#add(choice, part.item)
    else {
      this.#ends[index] = part.end
      choice.finish_reason = finishReasonOf(part.end)
    }
    const says = choice.text !== '' || choice.finish_reason !== null || hasLogprobs(choice)
    if (says) events.data(JSON.stringify(this.#chunk([choice])))
  }

  end(events: SseWriter): void {
    const { includeUsage, wanted } = this.#options
    if (includeUsage) {
      const usage = sumUsage(usagesOf(this.#ends), wanted.choicesPerPrompt)
      events.data(JSON.stringify({ ...this.#chunk([]), usage }))
    }
    events.data('[DONE]')
  }

  keepAlive(events: SseWriter): void {
    events.data(JSON.stringify(this.#chunk([emptyChoice(0, '', this.#options)])))
  }

  failure({ error }: FailedRequest, events: SseWriter): void {
    events.data(JSON.stringify(openAiErrorBody(error)))
  }

  /** Returns the prompt before the first text of a choice, and nothing later. */
  #echo(index: number): string {
    if (this.#offsets[index] !== undefined) return ''
    const echo = this.#options.wanted.echoes[index] ?? ''
    this.#offsets[index] = echo.length
    return echo
  }

  #add(choice: CompletionChoice, item: InferenceItem): void {
    const offset = this.#offsets[choice.index] ?? 0
    this.#offsets[choice.index] = addItem(choice, item, offset)
  }

  #chunk(choices: CompletionChoice[]): CompletionReply {
    const { id, created, system_fingerprint, includeUsage } = this.#options
    const model = this.#model
    const object = 'text_completion'
    const chunk: CompletionReply = { id, object, created, model, system_fingerprint, choices }
    if (includeUsage) chunk.usage = null
    return chunk
  }
}

function emptyChoice(index: number, text: string, options: CompletionOptions): CompletionChoice {
  const none: CompletionLogprobs = {
    tokens: [],
    token_logprobs: [],
    top_logprobs: [],
    text_offset: []
  }
  return { index, text, logprobs: options.withLogprobs ? none : null, finish_reason: null }
}

/** `offset`: the characters of the choice before the item. Returns those after it. */
function addItem(choice: CompletionChoice, item: InferenceItem, offset: number): number {
  const { prompt = [], logprobs = [], text } = item
  let at = offset
  for (const entry of prompt) {
    const { token, text: added = token } = entry
    addLogprob(choice.logprobs, entry, at)
    choice.text += added
    at += added.length
  }
  let tokenAt = at
  for (const entry of logprobs) {
    addLogprob(choice.logprobs, entry, tokenAt)
    tokenAt += entry.token.length
  }
  choice.text += text
  return at + text.length
}

function addLogprob(
  to: CompletionChoice['logprobs'],
  { token, logprob, top }: TokenLogprob | PromptToken,
  at: number
): void {
  to?.tokens.push(token)
  to?.token_logprobs.push(logprob)
  to?.top_logprobs.push(logprob === null ? null : likeliest(top))
  to?.text_offset.push(at)
}

/** Parts of characters share a text: the likeliest of them stands for all. */
function likeliest(top: TokenLogprob['top']): Record<string, number> {
  const byText = new Map<string, number>()
  for (const { token, logprob } of top) if (!byText.has(token)) byText.set(token, logprob)
  return Object.fromEntries(byText)
}

const usagesOf = (ends: readonly InferenceEnd[]) => ends.map(({ usage }) => usage)

const hasLogprobs = ({ logprobs }: CompletionChoice): boolean => (logprobs?.tokens.length ?? 0) > 0

/** A completion has no tools, so it has no other finish reason. */
const finishReasonOf = ({ finishReason }: InferenceEnd): 'stop' | 'length' =>
  finishReason === 'length' ? 'length' : 'stop'
