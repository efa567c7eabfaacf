/**
 * As llama-server: a final message of the assistant is continued, a prompt that fits is never
 * refused.
 */
import {
  FakeUpstream,
  promptOf,
  wordsOf,
  type Body,
  type CallPart,
  type Refused,
  type Usage
} from './fake-upstream.ts'

export class LlamaServerLike extends FakeUpstream {
  readonly unauthorized: Refused = refuse(401, 'authentication_error', 'Invalid API Key')
  /** False: as without `--metrics`. */
  hasMetrics = true

  models(): unknown {
    const { model, contextTokens } = this.options
    const meta = { n_vocab: 512, n_ctx_train: contextTokens * 4, n_params: 1000, size: 2000 }
    const entry = { id: model, object: 'model', created: 1, owned_by: 'llamacpp', meta }
    return { models: [{ name: model, model }], object: 'list', data: [entry] }
  }

  look(path: string): { status: number; body: unknown } | null {
    const { contextTokens, slots, model } = this.options
    if (path === '/props') {
      const settings = { n_ctx: contextTokens, params: {} }
      const more = { total_slots: slots, model_path: `/models/${model}.gguf` }
      return { status: 200, body: { default_generation_settings: settings, ...more } }
    }
    if (path !== '/metrics') return null
    if (!this.hasMetrics) {
      const message = 'This server does not support metrics endpoint. Start it with `--metrics`'
      return refuse(501, 'not_supported_error', message)
    }
    const lines = [
      '# HELP llamacpp:requests_processing Number of requests processing.',
      '# TYPE llamacpp:requests_processing gauge',
      `llamacpp:requests_processing ${this.running}`,
      '# TYPE llamacpp:requests_deferred gauge',
      `llamacpp:requests_deferred ${this.waiting}`
    ]
    return { status: 200, body: `${lines.join('\n')}\n` }
  }

  read(body: Body): { prompt: string } | Refused {
    if (body.messages === undefined) return { prompt: promptOf(body) }
    const [last, before] = body.messages.toReversed()
    const isOpen = last?.role === 'assistant'
    if (isOpen && before?.role === 'assistant') {
      const message = 'Cannot have 2 or more assistant messages at the end of the list.'
      return refuse(400, 'invalid_request_error', message)
    }
    const whole = isOpen ? body.messages.slice(0, -1) : body.messages
    const turns = whole.map((message) => `<|${message.role}|>${wordsOf(message)}<|end|>`)
    return { prompt: `${turns.join('')}<|assistant|>${isOpen ? last.content : ''}` }
  }

  refuseLength(promptTokens: number): Refused | null {
    const { contextTokens } = this.options
    if (promptTokens < contextTokens) return null
    const message = `request (${promptTokens} tokens) exceeds the available context size (${contextTokens} tokens), try increasing it`
    const { body } = refuse(400, 'exceed_context_size_error', message)
    const numbers = { n_prompt_tokens: promptTokens, n_ctx: contextTokens }
    return { status: 400, body: { error: { ...body.error, ...numbers } } }
  }

  first(body: Body): unknown[] {
    if (body.messages === undefined) return []
    return [this.#chunk(body, { delta: { role: 'assistant', content: null } }, null)]
  }

  piece(body: Body, text: string, usage: Usage): unknown {
    const chunk = this.#chunk(body, contentOf(body, text), null)
    return body.timings_per_token === true ? { ...chunk, timings: timingsOf(usage) } : chunk
  }

  call(body: Body, part: CallPart, usage: Usage): unknown {
    const chunk = this.#chunk(body, { delta: { tool_calls: [part] } }, null)
    return body.timings_per_token === true ? { ...chunk, timings: timingsOf(usage) } : chunk
  }

  callReason(): string {
    return 'tool_calls'
  }

  last(body: Body, text: string, reason: string, usage: Usage): unknown[] {
    const pieces = text === '' ? [] : [this.piece(body, text, usage)]
    const nothing = body.messages === undefined ? { text: '' } : { delta: {} }
    return [...pieces, this.#chunk(body, nothing, reason)]
  }

  usage(body: Body, usage: Usage): unknown {
    return { ...this.#head(body), choices: [], usage, timings: timingsOf(usage) }
  }

  #chunk(body: Body, content: object, reason: string | null): object {
    return { choices: [{ finish_reason: reason, index: 0, ...content }], ...this.#head(body) }
  }

  #head(body: Body): object {
    const object = body.messages === undefined ? 'text_completion' : 'chat.completion.chunk'
    return { created: 1, id: 'chatcmpl-2', model: this.options.model, object }
  }
}

const contentOf = (body: Body, text: string) =>
  body.messages === undefined ? { text } : { delta: { content: text } }

const timingsOf = ({ prompt_tokens, completion_tokens }: Usage) => ({
  cache_n: 0,
  prompt_n: prompt_tokens,
  predicted_n: completion_tokens
})

const refuse = (code: number, type: string, message: string) => ({
  status: code,
  body: { error: { code, message, type } }
})
