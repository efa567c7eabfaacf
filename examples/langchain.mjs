// LangChain JS: a prompt, a model and a parser in a chain, streamed.
//   npm install @langchain/core @langchain/openai
import { StringOutputParser } from '@langchain/core/output_parsers'
import { ChatPromptTemplate } from '@langchain/core/prompts'
import { ChatOpenAI } from '@langchain/openai'

const model = new ChatOpenAI({
  model: process.env.HAIF_MODEL ?? 'haif-tiny',
  apiKey: process.env.HAIF_TOKEN ?? 'any',
  configuration: { baseURL: `${process.env.HAIF_URL ?? 'http://127.0.0.1:8080'}/v1` },
  maxTokens: 100
})
const prompt = ChatPromptTemplate.fromMessages([
  ['system', 'Answer in one sentence.'],
  ['user', 'What is {subject}?']
])
const chain = prompt.pipe(model).pipe(new StringOutputParser())

for await (const text of await chain.stream({ subject: 'HAIF' })) process.stdout.write(text)
console.log()
