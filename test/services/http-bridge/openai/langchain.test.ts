/** LangChain JS against a whole mesh. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'
import { startOpenAiMesh } from './openai-mesh.ts'

/** Typed `never` here, where an optional property may not be undefined. */
const usageOf = (message: { usage_metadata?: unknown }) =>
  message.usage_metadata as { input_tokens: number; output_tokens: number } | undefined

test('LangChain', async (t) => {
  const mesh = await startOpenAiMesh(t, { llama: true })
  const configuration = { baseURL: mesh.v1 }
  const chat = (model: string, more: object = {}) =>
    new ChatOpenAI({ model, apiKey: 'any', configuration, maxRetries: 0, ...more })

  for (const useResponsesApi of [false, true]) {
    const api = useResponsesApi ? 'responses' : 'chat'

    await t.test(`${api}: invoke and stream`, async () => {
      const model = chat('sim', { useResponsesApi })
      const messages = [new SystemMessage('Be brief.'), new HumanMessage('hi')]
      const whole = await model.invoke(messages)
      assert.equal(whole.text.split(' ').length, 6)
      assert.equal(usageOf(whole)?.output_tokens, 6)
      let text = ''
      let outputTokens = 0
      for await (const chunk of await model.stream(messages)) {
        text += chunk.text
        outputTokens += usageOf(chunk)?.output_tokens ?? 0
      }
      assert.equal(text, whole.text)
      assert.equal(outputTokens, 6)
    })

    await t.test(`${api}: structured output`, async () => {
      const Person = z.object({ name: z.enum(['Ann', 'Bob']), age: z.enum(['7', '8']) })
      const model = chat('haif-tiny', { useResponsesApi, temperature: 0, maxTokens: 100 })
      const person = await model
        .withStructuredOutput(Person, { method: 'jsonSchema', name: 'person' })
        .invoke('Who?')
      assert.ok(Person.safeParse(person).success, JSON.stringify(person))
    })

    await t.test(`${api}: a tool call and its result`, async () => {
      const weather = tool(async () => 'sunny', {
        name: 'get_weather',
        description: 'Says how the weather is.',
        schema: z.object({ city: z.enum(['Bern', 'Rome']) })
      })
      const model = chat('random', {
        useResponsesApi,
        temperature: 0,
        maxTokens: 300
      }).bindTools([weather], { tool_choice: 'get_weather', parallel_tool_calls: false })
      const question = new HumanMessage('How is the weather?')
      const asked = await model.invoke([question])
      const [call] = asked.tool_calls ?? []
      assert.equal(call?.name, 'get_weather')
      assert.ok(['Bern', 'Rome'].includes(call.args['city'] as string))
      const result = new ToolMessage({ content: 'sunny', tool_call_id: call.id! })
      const next = await model.invoke([question, asked, result])
      assert.ok(usageOf(next)!.input_tokens > usageOf(asked)!.input_tokens)
      let name = ''
      let json = ''
      for await (const chunk of await model.stream([question])) {
        for (const part of chunk.tool_call_chunks ?? []) {
          name += part.name ?? ''
          json += part.args ?? ''
        }
      }
      assert.equal(name, 'get_weather')
      assert.ok(['Bern', 'Rome'].includes((JSON.parse(json) as { city: string }).city))
    })

    await t.test(`${api}: errors and abort`, async () => {
      await assert.rejects(chat('nobody-has-it', { useResponsesApi }).invoke('hi'), /nobody-has-it/)
      const controller = new AbortController()
      const stream = await chat('slow', { useResponsesApi }).stream('hi', {
        signal: controller.signal
      })
      await assert.rejects(async () => {
        for await (const chunk of stream) if (chunk.text !== '') controller.abort()
      })
      await mesh.idle()
    })
  }

  await t.test('a completion', async () => {
    const model = new OpenAI({ model: 'haif-tiny', apiKey: 'any', configuration, maxTokens: 5 })
    assert.notEqual(await model.invoke('HAIF is'), '')
  })

  await t.test('embeddings', async () => {
    const embeddings = new OpenAIEmbeddings({ model: 'vectors', apiKey: 'any', configuration })
    const vectors = await embeddings.embedDocuments(['four', 'seven!!'])
    assert.deepEqual(
      vectors.map(([length]) => length),
      [4, 7]
    )
    assert.deepEqual(await embeddings.embedQuery('hi'), [2, 2, 2])
  })
})
