// Vercel's AI SDK: text as it comes, then an object of a schema.  npm install ai @ai-sdk/openai zod
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, Output, streamText } from 'ai'
import { z } from 'zod'

const baseURL = `${process.env.HAIF_URL ?? 'http://127.0.0.1:8080'}/v1`
const haif = createOpenAI({ baseURL, apiKey: process.env.HAIF_TOKEN ?? 'any' })
const model = haif(process.env.HAIF_MODEL ?? 'haif-tiny')

const { textStream, usage } = streamText({ model, prompt: 'What is HAIF?', maxOutputTokens: 100 })
for await (const text of textStream) process.stdout.write(text)
console.log(`\n${(await usage).outputTokens} tokens`)

// Engines that cannot keep to a schema say so: 400, and the name of the field.
const schema = z.object({ name: z.enum(['Ann', 'Bob']), age: z.enum(['7', '8']) })
const output = Output.object({ schema })
try {
  const person = await generateText({ model, prompt: 'Who?', output, maxOutputTokens: 100 })
  console.log(person.output)
} catch (error) {
  console.log(`no object: ${error.message}`)
}
