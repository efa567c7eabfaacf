/** What a client reads about a body that does not fit: the field, and what would fit there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { checkChatBody } from '../../../../services/http-bridge/openai/chat/request.ts'
import { checkResponsesBody } from '../../../../services/http-bridge/openai/responses/request.ts'

const messages = [{ role: 'user', content: 'x' }]

/** The message about a chat with these fields. */
function problemOf(fields: object, check = checkChatBody as (body: unknown) => unknown): string {
  try {
    check({ messages, input: 'x', ...fields })
  } catch (error) {
    assert.ok(error instanceof HaifError)
    return error.message
  }
  assert.fail(`${JSON.stringify(fields)} was taken`)
}

test('of several forms, the message is about the one whose type fits', () => {
  const cases: [object, string][] = [
    [
      { response_format: { type: 'json_schema', json_schema: {} } },
      'response_format.json_schema.schema is missing'
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { schema: 5 } } },
      'response_format.json_schema.schema must be object'
    ],
    [{ tool_choice: { type: 'allowed_tools' } }, 'tool_choice.allowed_tools is missing'],
    [
      { messages: [{ role: 'user', content: [{ type: 5 }] }] },
      'messages.0.content.0.type must be string'
    ]
  ]
  for (const [fields, message] of cases) assert.equal(problemOf(fields), message)
  const tools = [{ type: 'function', function: { name: 'a b' } }]
  assert.match(problemOf({ tools }), /^tools\.0\.function\.name must match pattern/)
  const flat = [{ type: 'function', name: 'a b' }]
  assert.match(problemOf({ tools: flat }, checkResponsesBody), /^tools\.0\.name must match pattern/)
})

test('where no form fits, the message says which there are', () => {
  assert.equal(
    problemOf({ response_format: { type: 'xml' } }),
    'response_format.type must be "text" or "json_object" or "json_schema"'
  )
  assert.equal(
    problemOf({ tool_choice: 'never' }),
    'tool_choice must be "none" or "auto" or "required" or object'
  )
  assert.equal(
    problemOf({ tool_choice: { type: 'custom', name: 'patch' } }),
    'tool_choice.type must be "function" or "allowed_tools"'
  )
  assert.equal(problemOf({ stop: 5 }), 'stop must be string or array')
})
