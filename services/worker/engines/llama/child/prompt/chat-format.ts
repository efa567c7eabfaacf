/**
 * The format of a chat's answers, and the place of tools in its prompt: in the template, or, where
 * it has none or writes calls in a form that is not known, in a text that describes them.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { PROBE_TOOLS } from '../format/find-calls.ts'
import { findFormat } from '../format/find-format.ts'
import { GENERIC_EXAMPLE, genericCalls } from '../format/generic-calls.ts'
import type { CallSyntax, OutputFormat } from '../format/output-format.ts'
import type { Vocabulary } from '../vocabulary.ts'
import type { ChatTemplate } from './chat-template.ts'
import { turnEndOf } from './turn-end.ts'

interface ChatFormat {
  format: OutputFormat
  /** How a call is written, for the text that describes the tools; null: the template has them. */
  example: string | null
}

/** `toolsAsText`: whether tools that the template has no place for are described in a text. */
export function chatFormatOf(
  template: ChatTemplate,
  vocabulary: Vocabulary,
  toolsAsText: boolean
): ChatFormat {
  const native = formatOf(template, vocabulary, null)
  const shows = showsTools(template)
  if (native.calls && shows) return { format: native, example: null }
  if (!toolsAsText) return { format: { ...native, calls: false }, example: null }
  const example = native.calls ? exampleOf(template) : null
  if (example !== null) return { format: native, example }
  return { format: formatOf(template, vocabulary, genericCalls), example: GENERIC_EXAMPLE }
}

function formatOf(
  template: ChatTemplate,
  vocabulary: Vocabulary,
  otherwise: CallSyntax | null
): OutputFormat {
  const render = (messages: readonly ChatMessage[]) =>
    template.renderAsIs({ messages, tools: PROBE_TOOLS, addGenerationPrompt: false }).text
  const forTools = vocabulary.metadata('tokenizer.chat_template.tool_use') ?? ''
  return findFormat({ source: template.source + forTools, render, otherwise }, vocabulary)
}

const NAME = 'haifProbeTool'
const USER: ChatMessage = { role: 'user', content: 'haifProbeQuestion' }

/** True when the template writes the tools that it is given. */
function showsTools(template: ChatTemplate): boolean {
  const tools = [{ name: NAME, description: 'A probe.', parameters: { type: 'object' } }]
  try {
    return template.renderAsIs({ messages: [USER], tools }).text.includes(NAME)
  } catch {
    return false
  }
}

/** A call as the template writes past ones; null where it writes none. */
function exampleOf(template: ChatTemplate): string | null {
  const call = { id: 'hAiFpRb01', name: 'function-name', arguments: ARGUMENTS }
  const calling: ChatMessage = { role: 'assistant', content: '', toolCalls: [call] }
  try {
    const before = template.renderAsIs({ messages: [USER] }).text
    const chat = { messages: [USER, calling], addGenerationPrompt: false }
    const { text } = template.renderAsIs(chat)
    const from = before.slice(0, commonLength(before, text)).replace(/<[^<>]*$/, '').length
    const [said = ''] = text.slice(from).split(turnEndOf(template).trim() || '\0', 1)
    return said.includes(call.name) && said.includes('argument-name') ? said.trim() : null
  } catch {
    return null
  }
}

const ARGUMENTS = '{"argument-name": "value"}'

function commonLength(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}
