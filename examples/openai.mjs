// The `openai` package: a streamed chat, then a tool that the model calls.  npm install openai
import OpenAI from 'openai'

const baseURL = `${process.env.HAIF_URL ?? 'http://127.0.0.1:8080'}/v1`
const model = process.env.HAIF_MODEL ?? 'haif-tiny'
const client = new OpenAI({ baseURL, apiKey: process.env.HAIF_TOKEN ?? 'any' })

const stream = await client.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'What is HAIF?' }],
  max_tokens: 100,
  stream: true
})
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '')
console.log()

const parameters = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 40 } },
  required: ['city']
}
const tools = [{ type: 'function', function: { name: 'get_weather', parameters } }]
const messages = [{ role: 'user', content: 'How is the weather in Bern?' }]
const asked = { model, messages, tools, tool_choice: 'required' }
const first = await client.chat.completions.create(asked)
const { message } = first.choices[0]
messages.push(message)
for (const { id, function: call } of message.tool_calls ?? []) {
  const { city } = JSON.parse(call.arguments)
  console.log(`${call.name} ${city}`)
  messages.push({ role: 'tool', tool_call_id: id, content: `sunny in ${city}` })
}
const answer = await client.chat.completions.create({ model, messages, tools, max_tokens: 100 })
console.log(answer.choices[0].message.content)
