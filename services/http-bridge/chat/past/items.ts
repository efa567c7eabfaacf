/**
 * Brings input items of the Responses API into the kinds of the contract before they are checked:
 * messages, calls, their results, thoughts and references. Agents send back whatever their last
 * model has made, with tools that only OpenAI runs.
 */
import { isFields, readCallId, readPastCall, type Fields } from './calls.ts'
import {
  partsOf,
  pastContent,
  plainPart,
  textIn,
  textOfPast,
  textOrWord,
  thoughtIn
} from './parts.ts'

/** Returns what is no list as it is: the check of the body names it. */
export function mendItems(input: unknown): unknown {
  if (!Array.isArray(input)) return input
  const newest = input.findLastIndex(isOfUser)
  return input.flatMap((item, index) =>
    isFields(item) ? mendItem(item, index, index === newest) : [item as Fields]
  )
}

const isMessage = ({ type, role }: Fields): boolean =>
  type === 'message' || (type === undefined && role !== undefined)

const isOfUser = (item: unknown): boolean =>
  isFields(item) && isMessage(item) && item['role'] === 'user'

/**
 * Items about OpenAI's own tools that hold nothing a model could read: what they found stands in
 * the message after them.
 */
const SILENT =
  /^(web_search|file_search|code_interpreter|image_generation|tool_search)_call$|^mcp_(list_tools|approval_)|^compaction|^tool_search_output$|^additional_tools$|^configuration_update$|^program/

function mendItem(item: Fields, index: number, isNewest: boolean): Fields[] {
  const { type, id } = item
  if (isMessage(item)) {
    // Whatever made it, its id only tells it from others.
    const own = typeof id === 'string' && id !== '' ? { ...item, id: readCallId(id, id) } : item
    return [mendMessage(own, isNewest)]
  }
  if (type === undefined || type === 'item_reference' || typeof type !== 'string') return [item]
  if (type === 'reasoning') return [mendThought(item)]
  if (SILENT.test(type)) return []
  if (type.endsWith('_call_output')) return [resultOf(item, item['output'], index)]
  if (!type.endsWith('_call')) return [item]
  const call = callOf(item, type, index)
  const { output, error } = item
  const hasResult = output !== undefined || error !== undefined
  return hasResult ? [call, resultOf(item, output ?? error, index)] : [call]
}

function mendMessage(item: Fields, isNewest: boolean): Fields {
  const { content } = item
  if (content === undefined || (isNewest && typeof content === 'string')) return item
  const parts = partsOf(content)
  if (isNewest) return { ...item, content: parts.map((part) => plainPart(part)) }
  const said = parts.filter((part) => thoughtIn(part) === null)
  if (isOfUser(item)) return { ...item, content: pastContent(said) }
  return { ...item, content: said.map((part) => textOrWord(part)).join('') }
}

/** The whole thought where it is there, and otherwise what a vendor shows of it. */
function mendThought(item: Fields): Fields {
  const { content, summary, id } = item
  const texts = [content, summary].map((parts) =>
    partsOf(parts)
      .map((part) => textIn(part) ?? '')
      .join('\n')
  )
  const own = typeof id === 'string' && id !== '' ? { id: readCallId(id, id) } : {}
  return { type: 'reasoning', ...own, content: texts.find((text) => text !== '') ?? '' }
}

/** A custom tool gets one text; tools such as a shell get an action. */
function callOf(item: Fields, type: string, index: number): Fields {
  const { call_id: callId, id, name, input, action, actions, operation } = item
  const given = item['arguments'] ?? action ?? actions ?? operation
  const call = readPastCall(
    {
      id: callId ?? id,
      name: name ?? type.slice(0, -'_call'.length),
      ...(given === undefined ? { input } : { arguments: given })
    },
    `call_${index}`
  )
  const { id: own, name: called, arguments: text } = call
  return { type: 'function_call', call_id: own, name: called, arguments: text }
}

function resultOf({ call_id: callId, id }: Fields, output: unknown, index: number): Fields {
  const text =
    isFields(output) || Array.isArray(output)
      ? partsOf(output)
          .map((part) => textIn(part) ?? (isTyped(part) ? textOrWord(part) : JSON.stringify(part)))
          .join('')
      : textOfPast(output)
  return {
    type: 'function_call_output',
    call_id: readCallId(callId ?? id, `call_${index}`),
    output: text
  }
}

const isTyped = ({ type }: Fields): boolean => typeof type === 'string'
