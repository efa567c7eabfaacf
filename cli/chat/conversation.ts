/** The messages of a chat, as the model is to see them. */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'

/** As the contract has it, less the system message; the oldest are forgotten first. */
const MESSAGES_MAX = 1000

export class Conversation {
  system: string | undefined
  readonly #messages: ChatMessage[] = [] // at most MESSAGES_MAX

  constructor(system: string | undefined) {
    this.system = system
  }

  /** All messages with the question at the end; it is not kept before it has an answer. */
  asking(question: string): ChatMessage[] {
    const messages: ChatMessage[] = [...this.#messages, { role: 'user', content: question }]
    if (this.system !== undefined) messages.unshift({ role: 'system', content: this.system })
    return messages
  }

  /** An answer that was stopped is kept as far as it came. */
  keep(question: string, answer: string): void {
    this.#messages.push({ role: 'user', content: question }, { role: 'assistant', content: answer })
    this.#messages.splice(0, Math.max(0, this.#messages.length - MESSAGES_MAX))
  }

  /** Takes back a question with its answer, if they are the last that is kept. */
  retract(question: string): void {
    if (this.#messages.at(-2)?.content === question) this.#messages.splice(-2)
  }

  /** To be read by people. */
  toMarkdown(): string {
    const system = this.system === undefined ? [] : [`> System: ${this.system}`]
    const turns = this.#messages.map(({ role, content }) =>
      role === 'user' ? `## You\n\n${content}` : `## Model\n\n${content}`
    )
    return `${[...system, ...turns].join('\n\n')}\n`
  }

  clear(): void {
    this.#messages.length = 0
  }
}
