/**
 * The text of the simulated engine: a function of the prompt alone, so that a test knows the
 * content of every stream, whichever worker served it and wherever it was resumed.
 */
import { hash } from 'node:crypto'
import type { PromptToken } from '#shared/contracts/inference/answer.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { inputTexts, type InferenceInput } from '#shared/contracts/inference/request.ts'

/** The ratio of English text with a common tokenizer. */
export const CHARACTERS_PER_TOKEN = 4
const VOCABULARY = 50_000

export interface SimToken {
  id: number
  text: string
}

export function promptText(input: InferenceInput): string {
  return input.mode === 'chat'
    ? input.messages.map(turnText).join('\n')
    : inputTexts(input).join('')
}

function turnText({ role, content, toolCalls = [] }: ChatMessage): string {
  const calls = toolCalls.map(({ name, arguments: text }) => `\n${name} ${text}`)
  return `${role}: ${content}${calls.join('')}`
}

/** Counts the tokens of a prompt. */
export const countPromptTokens = (text: string): number =>
  Math.max(1, Math.ceil(text.length / CHARACTERS_PER_TOKEN))

/** Returns a function that makes the answer's token at any index. */
export function simAnswer(prompt: string): (index: number) => SimToken {
  const seed = hash('sha256', prompt, 'buffer').readUInt32LE(0)
  return (index) => {
    const id = mix(seed, index) % VOCABULARY
    return { id, text: `${index === 0 ? '' : ' '}w${id.toString(36)}` }
  }
}

/** The prompt in tokens, with made-up logprobs; of each token the likeliest is that token. */
export function simScores(prompt: string, topLogprobs: number): PromptToken[] {
  const answer = simAnswer(prompt)
  return Array.from({ length: countPromptTokens(prompt) }, (_, index) => {
    const from = index * CHARACTERS_PER_TOKEN
    const token = prompt.slice(from, from + CHARACTERS_PER_TOKEN)
    if (index === 0) return { token, logprob: null, top: [] }
    const own = { token, logprob: -(answer(index).id % LOGPROBS) / LOGPROBS }
    return { ...own, top: topLogprobs === 0 ? [] : [own] }
  })
}

const LOGPROBS = 1000

/** A 32-bit mix of two numbers (the finaliser of MurmurHash3, by Austin Appleby, public domain). */
function mix(seed: number, index: number): number {
  let hash = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
