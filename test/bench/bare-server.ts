/**
 * What HAIF is compared with: a bare Fastify route that writes the same events, and nothing else.
 */
import process from 'node:process'
import { fastify } from 'fastify'
import { simAnswer } from '../../services/worker/engines/sim/sim-text.ts'

interface Body {
  prompt: string
  max_tokens: number
}

const app = fastify()
app.post<{ Body: Body }>('/infer', (request, reply) => {
  const { prompt, max_tokens: maxTokens } = request.body
  const { raw } = reply
  reply.hijack()
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  const tokenAt = simAnswer(prompt)
  for (let index = 0; index < maxTokens; index++) {
    raw.write(event('token', { text: tokenAt(index).text, index }))
  }
  raw.end(event('done', doneOf(request.id, maxTokens)))
})

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** As long as what the bridge says at the end. */
function doneOf(requestId: string, maxTokens: number): object {
  return {
    model: 'sim',
    max_tokens: maxTokens,
    mode: 'direct',
    provider: 'sim',
    request_id: requestId,
    usage: {
      prompt_tokens: 3,
      completion_tokens: maxTokens,
      total_tokens: maxTokens + 3,
      prompt_tokens_details: { cached_tokens: 0 }
    },
    finish_reason: 'length',
    timings: { queue_ms: 0.01, prefill_ms: 0.01, decode_ms: 0.01 },
    attempts: 1,
    worker: '0'.repeat(64)
  }
}

process.stdout.write(`ready ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
