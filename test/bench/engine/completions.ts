/** A client of `POST /v1/completions`, which both HAIF and llama-server answer with events. */
import http from 'node:http'

export interface Completed {
  promptTokens: number
  completionTokens: number
  firstTokenMs: number
}

export class CompletionsClient implements Disposable {
  readonly #url: string
  readonly #model: string
  readonly #agent: http.Agent

  constructor(url: string, model: string, connections: number) {
    this.#url = url
    this.#model = model
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  }

  /** One greedy answer. llama-server now and then closes a connection before it answers. */
  async complete(prompt: string, maxTokens: number): Promise<Completed> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#completeOnce(prompt, maxTokens)
      } catch (error) {
        const isClosed = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
        if (!isClosed || attempt === ATTEMPTS_MAX) throw error
      }
    }
  }

  #completeOnce(prompt: string, maxTokens: number): Promise<Completed> {
    const { promise, resolve, reject } = Promise.withResolvers<Completed>()
    const startedAt = performance.now()
    const options = { method: 'POST', agent: this.#agent, headers: HEADERS }
    const request = http.request(`${this.#url}/v1/completions`, options, (response) => {
      read(response, startedAt).then(resolve, reject)
    })
    request.on('error', reject)
    const asked = { prompt, max_tokens: maxTokens, temperature: 0 }
    const streamed = { stream: true, stream_options: { include_usage: true } }
    request.end(JSON.stringify({ model: this.#model, ...asked, ...streamed }))
    return promise
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

const ATTEMPTS_MAX = 3
const HEADERS = { 'content-type': 'application/json' }

async function read(response: http.IncomingMessage, startedAt: number): Promise<Completed> {
  let [text, firstTokenMs] = ['', NaN]
  response.setEncoding('utf8')
  for await (const part of response as AsyncIterable<string>) {
    text += part
    if (Number.isNaN(firstTokenMs)) firstTokenMs = performance.now() - startedAt
  }
  const [promptTokens, completionTokens] = ['prompt_tokens', 'completion_tokens'].map((name) =>
    Number(new RegExp(`"${name}":\\s*(\\d+)(?![^]*"${name}")`).exec(text)?.[1])
  ) as [number, number]
  if (!(completionTokens > 0)) throw new Error(`not answered: ${text.slice(-500)}`)
  return { promptTokens, completionTokens, firstTokenMs }
}
