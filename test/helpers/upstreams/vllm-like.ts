/**
 * As vLLM: usage with every chunk when asked, its own words for what it refuses, 400 for an unknown
 * `top_k`.
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

export class VllmLike extends FakeUpstream {
  readonly unauthorized: Refused = { status: 401, body: { error: 'Unauthorized' } }

  models(): unknown {
    const { model, contextTokens } = this.options
    const card = { id: model, object: 'model', created: Math.floor(Date.now() / 1000) }
    const more = { owned_by: 'vllm', root: `org/${model}`, parent: null, permission: [] }
    return { object: 'list', data: [{ ...card, ...more, max_model_len: contextTokens }] }
  }

  look(path: string): { status: number; body: unknown } | null {
    if (path !== '/metrics') return null
    const labels = `{engine="0",model_name="${this.options.model}"}`
    const gauge = (name: string, value: number) => [
      `# HELP vllm:${name} Number of requests.`,
      `# TYPE vllm:${name} gauge`,
      `vllm:${name}${labels} ${value.toFixed(1)}`
    ]
    const lines = [
      ...gauge('num_requests_running', this.running),
      ...gauge('num_requests_waiting', this.waiting)
    ]
    return { status: 200, body: `${lines.join('\n')}\n` }
  }

  read(body: Body): { prompt: string } | Refused {
    if (body.model !== this.options.model) {
      return refuse(404, 'NotFoundError', `The model \`${body.model}\` does not exist.`, 'model')
    }
    const topK = body['top_k']
    if (typeof topK === 'number' && topK < 1 && topK !== -1) {
      const message = `top_k must be -1 (disable), or at least 1, got ${topK}.`
      return refuse(400, 'BadRequestError', message, 'top_k')
    }
    if (body.messages === undefined) return { prompt: promptOf(body) }
    const isOpen = body['continue_final_message'] === true
    if (isOpen && body['add_generation_prompt'] !== false) {
      const message =
        'Cannot set both `continue_final_message` and `add_generation_prompt` to True.'
      return refuse(400, 'BadRequestError', message)
    }
    // Its templates trim what is in a message.
    const turns = body.messages.map((message) => `<|${message.role}|>${wordsOf(message).trim()}`)
    return {
      prompt: isOpen ? turns.join('<|end|>') : `${turns.join('<|end|>')}<|end|><|assistant|>`
    }
  }

  refuseLength(promptTokens: number, maxTokens: number): Refused | null {
    const { contextTokens } = this.options
    const limit = `This model's maximum context length is ${contextTokens} tokens`
    if (promptTokens >= contextTokens) {
      const message = `${limit}. However, your request has ${promptTokens} input tokens. Please reduce the length of the input messages.`
      return refuse(400, 'BadRequestError', message)
    }
    if (promptTokens + maxTokens <= contextTokens) return null
    const message = `'max_tokens' or 'max_completion_tokens' is too large: ${maxTokens}. ${limit} and your request has ${promptTokens} input tokens (${maxTokens} > ${contextTokens} - ${promptTokens}).`
    return refuse(400, 'BadRequestError', message)
  }

  first(body: Body, usage: Usage): unknown[] {
    if (body.messages === undefined) return []
    return [this.#chunk(body, { delta: { role: 'assistant', content: '' } }, null, usage)]
  }

  piece(body: Body, text: string, usage: Usage): unknown {
    return this.#chunk(body, contentOf(body, text), null, usage)
  }

  call(body: Body, part: CallPart, usage: Usage): unknown {
    return this.#chunk(body, { delta: { tool_calls: [part] } }, null, usage)
  }

  /** A call that it was told by name ends as if it were text. */
  callReason({ tool_choice: choice }: Body): string {
    return typeof choice === 'object' ? 'stop' : 'tool_calls'
  }

  last(body: Body, text: string, reason: string, usage: Usage): unknown[] {
    return [this.#chunk(body, contentOf(body, text), reason, usage)]
  }

  usage(body: Body, usage: Usage): unknown {
    return { ...this.#head(body), choices: [], usage: { ...usage, prompt_tokens_details: null } }
  }

  #chunk(body: Body, content: object, reason: string | null, usage: Usage): unknown {
    const choice = { index: 0, ...content, logprobs: null, finish_reason: reason }
    const chunk = { ...this.#head(body), choices: [choice] }
    return body.stream_options?.continuous_usage_stats === true ? { ...chunk, usage } : chunk
  }

  #head(body: Body): object {
    const object = body.messages === undefined ? 'text_completion' : 'chat.completion.chunk'
    return { id: 'chatcmpl-1', object, created: 1, model: this.options.model }
  }
}

const contentOf = (body: Body, text: string) =>
  body.messages === undefined ? { text } : { delta: { content: text } }

const refuse = (code: number, type: string, message: string, param: string | null = null) => ({
  status: code,
  body: { error: { message, type, param, code } }
})
