/**
 * Tools for templates that have no place for them: a text in the system message describes them, and
 * says how a call is to be written.
 */
import type { ChatMessage, Tool } from '#shared/contracts/inference/chat.ts'

/** The messages with the tools described in the first of them. */
export function withToolText(
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  example: string
): ChatMessage[] {
  const text = toolText(tools, example)
  const [first, ...others] = messages
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages]
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...others]
}

function toolText(tools: readonly Tool[], example: string): string {
  const described = tools.map(({ name, description, parameters }) => {
    return JSON.stringify({ name, description, parameters })
  })
  return [
    '# Tools',
    '',
    'You can call these functions to help with the request. Each line describes one of them, with',
    'a JSON Schema of its arguments:',
    '<tools>',
    ...described,
    '</tools>',
    '',
    'To call a function, write its name and its arguments as JSON in exactly this form, with no',
    'text behind it; for several calls, write the form several times:',
    example,
    '',
    'You then get the results. Call a function only where it helps; otherwise answer as usual.'
  ].join('\n')
}
