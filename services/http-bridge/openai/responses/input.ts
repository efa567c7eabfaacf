/** Turns input items of the Responses API into messages of a chat. */
import type { InputItem, OutputItem } from '#shared/contracts/http/responses.ts'
import type { ChatMessage, ToolCall } from '#shared/contracts/inference/chat.ts'
import { invalid, unsupported } from '../body.ts'
import { textOf } from '../content.ts'

/** Finds an item of an earlier response that the client names by its id only. */
type FindItem = (id: string) => OutputItem | undefined

export function toMessages(input: string | InputItem[], find: FindItem): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  const messages: ChatMessage[] = []
  for (const [index, item] of input.entries()) add(messages, item, `input[${index}]`, find)
  return messages
}

export function outputMessages(output: readonly OutputItem[]): ChatMessage[] {
  const messages: ChatMessage[] = []
  for (const item of output) add(messages, item, 'output', () => undefined)
  return messages
}

function add(messages: ChatMessage[], item: InputItem, param: string, find: FindItem): void {
  switch (item.type) {
    case undefined:
      if (item.role === undefined && item.id !== undefined)
        addReferenced(messages, item, param, find)
      else messages.push(readMessage(item, param))
      return
    case 'message':
      messages.push(readMessage(item, param))
      return
    case 'item_reference':
      addReferenced(messages, item, param, find)
      return
    case 'function_call':
      addCall(messages, readCall(item, param))
      return
    case 'function_call_output':
      messages.push({
        role: 'tool',
        content: textOf(needed(item, 'output', param), `${param}.output`),
        toolCallId: needed(item, 'call_id', param)
      })
      return
    case 'reasoning':
      return // a model reads answers, and not the reasoning before them
    default:
      throw unsupported(
        `${param}.type`,
        `${param} is of type ${JSON.stringify(item.type)}; there are message, function_call, ` +
          'function_call_output, reasoning and item_reference'
      )
  }
}

function addReferenced(
  messages: ChatMessage[],
  item: InputItem,
  param: string,
  find: FindItem
): void {
  const found = find(needed(item, 'id', param))
  if (found !== undefined) {
    add(messages, found, param, () => undefined)
    return
  }
  throw invalid(
    `${param}.id`,
    `${param} refers to ${item.id}, which is not kept here (any more): send the item itself`
  )
}

function readMessage(item: InputItem, param: string): ChatMessage {
  const content = textOf(needed(item, 'content', param), `${param}.content`)
  const role = needed(item, 'role', param)
  return { role: role === 'developer' ? 'system' : role, content }
}

const readCall = (item: InputItem, param: string): ToolCall => ({
  id: needed(item, 'call_id', param),
  name: needed(item, 'name', param),
  arguments: needed(item, 'arguments', param)
})

/** A call belongs to the assistant's turn before it. */
function addCall(messages: ChatMessage[], call: ToolCall): void {
  const last = messages.at(-1)
  if (last?.role === 'assistant') {
    messages[messages.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] }
  } else messages.push({ role: 'assistant', content: '', toolCalls: [call] })
}

function needed<Name extends keyof InputItem>(
  item: InputItem,
  name: Name,
  param: string
): NonNullable<InputItem[Name]> {
  const value = item[name]
  if (value === undefined) throw invalid(`${param}.${name}`, `${param}.${name} is missing`)
  return value
}
