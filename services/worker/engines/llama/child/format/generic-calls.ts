/**
 * Calls of models whose template says nothing about them: the form that most models have seen, and
 * in which past calls are written where a template leaves them out.
 */
import { jsonCall } from './json-call.ts'
import type { CallSyntax } from './output-format.ts'

const CALL = { before: '{"name": "', middle: '", "arguments": ', after: '}' }
/** There is no such character in the texts of a call. */
const NO_SLOT = '\uE002'

export const genericCalls: CallSyntax = {
  begin: '',
  open: '<tool_call>\n',
  close: '\n</tool_call>',
  between: '\n',
  end: '',
  trigger: '<tool_call>',
  call: () => jsonCall(CALL, NO_SLOT, NO_SLOT)
}

/** One call as the model is told to write it. */
export const GENERIC_EXAMPLE = [
  '<tool_call>',
  '{"name": "function-name", "arguments": {"argument-name": "value"}}',
  '</tool_call>'
].join('\n')
