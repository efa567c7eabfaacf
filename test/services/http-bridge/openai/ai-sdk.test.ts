/**
 * Vercel's AI SDK against a whole mesh: `@ai-sdk/openai` (Responses and chat) and
 * `openai-compatible`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  APICallError,
  embedMany,
  generateText,
  isStepCount,
  Output,
  streamText,
  tool,
  type LanguageModel
} from 'ai'
import { z } from 'zod'
import { startOpenAiMesh } from './openai-mesh.ts'

const Person = z.object({ name: z.enum(['Ann', 'Bob']), age: z.enum(['7', '8']) })

test('the AI SDK', async (t) => {
  const mesh = await startOpenAiMesh(t, { llama: true })
  const openai = createOpenAI({ baseURL: mesh.v1, apiKey: 'any' })
  const compatible = createOpenAICompatible({
    name: 'haif',
    baseURL: mesh.v1,
    includeUsage: true,
    supportsStructuredOutputs: true
  })
  const models: [string, (name: string) => LanguageModel][] = [
    ['responses', (name) => openai(name)],
    ['chat', (name) => openai.chat(name)],
    ['openai-compatible', (name) => compatible(name)]
  ]

  for (const [api, model] of models) {
    await t.test(`${api}: text, whole and streamed`, async () => {
      const whole = await generateText({ model: model('sim'), prompt: 'hi' })
      assert.equal(whole.text.split(' ').length, 6)
      assert.equal(whole.finishReason, 'stop')
      assert.equal(whole.usage.outputTokens, 6)
      const stream = streamText({ model: model('sim'), prompt: 'hi' })
      let text = ''
      for await (const part of stream.textStream) text += part
      assert.equal(text, whole.text)
      assert.equal((await stream.usage).outputTokens, 6)
      assert.equal(await stream.finishReason, 'stop')
    })

    await t.test(`${api}: a chat of several turns`, async () => {
      const { text } = await generateText({
        model: model('haif-tiny'),
        temperature: 0,
        maxOutputTokens: 60,
        instructions: 'Answer in one sentence.',
        messages: [
          { role: 'user', content: 'Hi.' },
          { role: 'assistant', content: 'Hello.' },
          { role: 'user', content: [{ type: 'text', text: 'What is HAIF?' }] }
        ]
      })
      assert.notEqual(text, '')
    })

    await t.test(`${api}: an object of a schema`, async () => {
      const { output } = await generateText({
        model: model('haif-tiny'),
        temperature: 0,
        prompt: 'Who?',
        output: Output.object({ schema: Person })
      })
      assert.deepEqual(Object.keys(output), ['name', 'age'])
      const stream = streamText({
        model: model('haif-tiny'),
        temperature: 0,
        prompt: 'Who?',
        output: Output.object({ schema: Person })
      })
      assert.deepEqual(await stream.output, output)
    })

    await t.test(`${api}: a tool is called, and its result goes into the next step`, async () => {
      const cities: string[] = []
      const getWeather = tool({
        description: 'Says how the weather is.',
        inputSchema: z.object({ city: z.enum(['Bern', 'Rome']) }),
        execute: async ({ city }) => {
          cities.push(city)
          return { sky: 'blue' }
        }
      })
      const asking = {
        model: model('random'),
        temperature: 0,
        maxOutputTokens: 300,
        prompt: 'How is the weather?',
        tools: { getWeather },
        toolChoice: 'required' as const,
        stopWhen: isStepCount(2)
      }
      const whole = await generateText(asking)
      assert.equal(whole.steps.length, 2)
      assert.equal(whole.steps[0]!.finishReason, 'tool-calls')
      assert.ok(cities.length >= 1)
      const before = cities.length
      const stream = streamText(asking)
      const kinds = new Set<string>()
      for await (const part of stream.fullStream) kinds.add(part.type)
      for (const kind of ['tool-input-delta', 'tool-call', 'tool-result', 'finish']) {
        assert.ok(kinds.has(kind), `${kind} in ${[...kinds].join(' ')}`)
      }
      assert.ok(cities.length > before)
    })

    await t.test(`${api}: an error is told with its message`, async () => {
      await assert.rejects(
        generateText({ model: model('nobody-has-it'), prompt: 'hi', maxRetries: 0 }),
        (error) =>
          APICallError.isInstance(error) &&
          error.statusCode === 404 &&
          /nobody-has-it/.test(error.message)
      )
    })

    await t.test(`${api}: an abort stops the worker`, async () => {
      const controller = new AbortController()
      const stream = streamText({
        model: model('slow'),
        prompt: 'hi',
        abortSignal: controller.signal,
        onError: () => {}
      })
      for await (const part of stream.textStream) {
        if (part !== '') break
      }
      controller.abort()
      await mesh.idle()
    })
  }

  await t.test('embeddings', async () => {
    for (const model of [openai.embedding('vectors'), compatible.embeddingModel('vectors')]) {
      const { embeddings } = await embedMany({ model, values: ['four', 'seven!!'] })
      assert.deepEqual(
        embeddings.map(([length]) => length),
        [4, 7]
      )
    }
  })
})
