/**
 * Asking a model file, greedily and one question at a time: what evaluate.ts and the tests need.
 * The worker's own engine is another thing; this one only has to give the same tokens.
 */
import {
  getLlama,
  LlamaLogLevel,
  resolveChatWrapper,
  type ChatHistoryItem,
  type Token
} from 'node-llama-cpp'
import type { Message } from './chats/chat.ts'

export interface Asking {
  /** The answer to the last message, with ChatML around them all. */
  chat(messages: readonly Message[]): Promise<Answer>
  /** What follows the bare text. */
  complete(prompt: string): Promise<Answer>
  close(): Promise<void>
}

export interface Answer {
  text: string
  promptTokens: number
  tokens: number
}

export async function openModel(file: string): Promise<Asking> {
  const llama = await getLlama({
    build: 'never',
    gpu: false,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error
  })
  const model = await llama.loadModel({ modelPath: file })
  const context = await model.createContext({
    contextSize: CONTEXT_TOKENS,
    sequences: 1,
    threads: 1
  })
  const sequence = context.getSequence()
  const wrapper = resolveChatWrapper(model)

  async function generate(prompt: Token[]): Promise<Answer> {
    await sequence.clearHistory()
    const tokens: Token[] = []
    for await (const token of sequence.evaluate(prompt, { temperature: 0 })) {
      tokens.push(token)
      if (tokens.length >= ANSWER_TOKENS_MAX) break
    }
    return { text: model.detokenize(tokens), promptTokens: prompt.length, tokens: tokens.length }
  }

  return {
    chat(messages) {
      const chatHistory = [...messages.map(historyItem), { type: 'model' as const, response: [] }]
      const { contextText } = wrapper.generateContextState({ chatHistory })
      return generate(contextText.tokenize(model.tokenizer))
    },
    complete: (prompt) => generate(model.tokenize(prompt)),
    close: () => llama.dispose()
  }
}

const CONTEXT_TOKENS = 1024 // beyond what the model was trained on, to see where it breaks
const ANSWER_TOKENS_MAX = 120

function historyItem([role, text]: Message): ChatHistoryItem {
  return role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text }
}
