/** Writes an answer as Ollama's lines: pieces of it, and at last the reason and the figures. */
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { AnswerPart } from '../ask/answer-parts.ts'
import { ToolCalls } from '../ask/gathered-answer.ts'
import type { AnswerForm } from '../ask/send-answer.ts'
import type { FailedRequest } from '../http/errors.ts'
import type { LineWriter } from '../http/stream/line-writer.ts'
import { ollamaErrorBody } from './error.ts'
import { endFigures, toolCallsOf, type Said } from './reply.ts'

interface LineOptions {
  model: string
  now: () => Date
  /** Puts what is said under the names of the endpoint. */
  fieldsOf: (said: Said) => object
}

export class AnswerLines implements AnswerForm<LineWriter> {
  readonly #options: LineOptions
  readonly #calls = new ToolCalls()
  #end: InferenceEnd | null = null

  constructor(options: LineOptions) {
    this.#options = options
  }

  part(part: AnswerPart, lines: LineWriter): void {
    if (part.kind === 'end') this.#end = part.end
    else this.#item(part.item, lines)
  }

  end(lines: LineWriter): void {
    const calls = toolCallsOf(this.#calls)
    // A call is whole or not there: clients of Ollama put none together.
    if (calls.length > 0) this.#say({ text: '', toolCalls: calls }, lines)
    const end = this.#end!
    lines.line({ ...this.#line({ text: '' }), model: end.model, ...endFigures(end) })
  }

  keepAlive(lines: LineWriter): void {
    this.#say({ text: '' }, lines)
  }

  failure({ error }: FailedRequest, lines: LineWriter): void {
    lines.line(ollamaErrorBody(error))
  }

  #item(item: InferenceItem, lines: LineWriter): void {
    const { queued, text, reasoning = '', toolCalls = [], logprobs = [] } = item
    if (queued !== undefined) return
    for (const delta of toolCalls) this.#calls.add(delta)
    if (text === '' && reasoning === '' && logprobs.length === 0) return
    this.#say(
      reasoning === '' ? { text, logprobs } : { text, thinking: reasoning, logprobs },
      lines
    )
  }

  #say(said: Said, lines: LineWriter): void {
    lines.line(this.#line(said))
  }

  #line(said: Said) {
    const { model, now, fieldsOf } = this.#options
    return { model, created_at: now().toISOString(), ...fieldsOf(said), done: false }
  }
}
