/** Turns input items of the Responses API into messages of a chat. */
import type { InputItem, OutputItem } from '#shared/contracts/http/responses.ts'
import type { ChatMessage, ToolCall } from '#shared/contracts/inference/chat.ts'
import { invalid, unsupported } from '../../http/refusal.ts'
import { textOf } from '../../chat/past/parts.ts'
import { userMessage } from '../../chat/read-message.ts'

/** Finds an item of an earlier response that the client names by its id only. */
type FindItem = (id: string) => OutputItem | undefined

export function toMessages(input: string | InputItem[], find: FindItem): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  const chat = new Chat(find)
  for (const [index, item] of input.entries()) chat.add(item, `input[${index}]`)
  return chat.end()
}

export function outputMessages(output: readonly OutputItem[]): ChatMessage[] {
  const chat = new Chat(() => undefined)
  for (const item of output) chat.add(item, 'output')
  return chat.end()
}

/** The messages of a chat while items are added to it; the body bounds their number. */
class Chat {
  readonly #messages: ChatMessage[] = []
  readonly #find: FindItem
  /** What was thought before the next message or call of the assistant. */
  #thought = ''

  constructor(find: FindItem) {
    this.#find = find
  }

  add(item: InputItem, param: string): void {
    switch (item.type) {
      case undefined:
        if (item.role === undefined && item.id !== undefined) this.#addReferenced(item, param)
        else this.#addMessage(readMessage(item, param))
        return
      case 'message':
        this.#addMessage(readMessage(item, param))
        return
      case 'item_reference':
        this.#addReferenced(item, param)
        return
      case 'function_call':
        this.#addCall(readCall(item, param))
        return
      case 'function_call_output':
        this.#addMessage({
          role: 'tool',
          content: textOf(needed(item, 'output', param), `${param}.output`),
          toolCallId: needed(item, 'call_id', param)
        })
        return
      case 'reasoning':
        this.#think(textOf(item.content ?? '', `${param}.content`))
        return
      default:
        throw unsupported(
          `${param}.type`,
          `${param} is of type ${JSON.stringify(item.type)}; there are message, reasoning, ` +
            'item_reference, and calls of tools with their outputs'
        )
    }
  }

  /** A thought without anything after it is the beginning of an answer. */
  end(): ChatMessage[] {
    this.#endThought()
    return this.#messages
  }

  #think(text: string): void {
    this.#thought += this.#thought === '' || text === '' ? text : `\n${text}`
  }

  #endThought(): void {
    if (this.#thought === '') return
    this.#messages.push({ role: 'assistant', content: '', ...this.#takeThought() })
  }

  #takeThought(before = ''): { reasoning?: string } {
    const thoughts = [before, this.#thought].filter((text) => text !== '')
    this.#thought = ''
    return thoughts.length === 0 ? {} : { reasoning: thoughts.join('\n') }
  }

  #addMessage(message: ChatMessage): void {
    if (message.role === 'assistant') {
      this.#messages.push({ ...message, ...this.#takeThought() })
      return
    }
    this.#endThought()
    this.#messages.push(message)
  }

  /** A call belongs to the assistant's turn before it. */
  #addCall(call: ToolCall): void {
    const last = this.#messages.at(-1)
    if (last?.role === 'assistant') {
      const toolCalls = [...(last.toolCalls ?? []), call]
      const thought = this.#takeThought(last.reasoning)
      this.#messages[this.#messages.length - 1] = { ...last, ...thought, toolCalls }
    } else {
      const turn = { role: 'assistant' as const, content: '', toolCalls: [call] }
      this.#messages.push({ ...turn, ...this.#takeThought() })
    }
  }

  #addReferenced(item: InputItem, param: string): void {
    const found = this.#find(needed(item, 'id', param))
    if (found !== undefined) {
      this.add(found, param)
      return
    }
    throw invalid(
      `${param}.id`,
      `${param} refers to ${item.id}, which is not kept here (any more): send the item itself`
    )
  }
}

function readMessage(item: InputItem, param: string): ChatMessage {
  const given = needed(item, 'content', param)
  const role = needed(item, 'role', param)
  if (role === 'user') return userMessage(given, `${param}.content`)
  const content = textOf(given, `${param}.content`)
  return { role: role === 'developer' ? 'system' : role, content }
}

const readCall = (item: InputItem, param: string): ToolCall => ({
  id: needed(item, 'call_id', param),
  name: needed(item, 'name', param),
  arguments: needed(item, 'arguments', param)
})

function needed<Name extends keyof InputItem>(
  item: InputItem,
  name: Name,
  param: string
): NonNullable<InputItem[Name]> {
  const value = item[name]
  if (value === undefined) throw invalid(`${param}.${name}`, `${param}.${name} is missing`)
  return value
}
