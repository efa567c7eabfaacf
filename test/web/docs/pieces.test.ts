/** The parts of the page of the API that decide, without a browser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlOf } from '../../../web/docs/src/view/curl.ts'
import { fieldsOf, sampleOf, typeOf } from '../../../web/docs/src/view/fields.ts'
import { found, groupsOf, type Schema, type Spec } from '../../../web/docs/src/view/spec.ts'

const BODY: Schema = {
  type: 'object',
  required: ['messages'],
  properties: {
    model: { type: 'string', maxLength: 256, description: 'A model.' },
    messages: {
      type: 'array',
      items: {
        type: 'object',
        required: ['role'],
        properties: { role: { enum: ['user', 'system'] }, content: { type: 'string' } }
      }
    },
    stop: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    n: { type: 'integer', minimum: 1, maximum: 8, default: 1 }
  }
}
const SPEC: Spec = {
  info: { title: 'HAIF', version: '1' },
  tags: [{ name: 'chat', description: 'Ask.' }, { name: 'empty' }],
  paths: {
    '/v1/chat': {
      post: {
        tags: ['chat'],
        summary: 'Answer a chat',
        security: [{ token: [] }],
        requestBody: { content: { 'application/json': { schema: BODY } } },
        responses: { '200': { description: 'An answer', content: {} } }
      }
    },
    '/health': { get: { summary: 'Whether it runs' } }
  }
}

test('operations stand in the groups of their tags, those without one at the end', () => {
  const groups = groupsOf(SPEC)
  assert.deepEqual(
    groups.map(({ name, operations }) => [name, operations.map(({ id }) => id)]),
    [
      ['chat', ['post /v1/chat']],
      ['more', ['get /health']]
    ]
  )
  assert.deepEqual(groups[0]!.operations[0]!.replies, [{ status: '200', description: 'An answer' }])
})

test('a search finds every word anywhere in an operation', () => {
  const groups = groupsOf(SPEC)
  const ids = (search: string) =>
    found(groups, search).flatMap(({ operations }) => operations.map(({ id }) => id))
  assert.deepEqual(ids('Answer chat'), ['post /v1/chat'])
  assert.deepEqual(ids('GET runs'), ['get /health'])
  assert.deepEqual(ids('nothing like it'), [])
  assert.equal(ids(' ').length, 2)
})

test('a schema is a table of fields with types, bounds and the fields inside', () => {
  assert.deepEqual(fieldsOf(BODY), [
    { name: 'model', type: 'string', isNeeded: false, note: 'A model. at most 256 characters' },
    { name: 'messages', type: 'list of object', isNeeded: true, note: '' },
    { name: 'messages[].role', type: '"user" | "system"', isNeeded: true, note: '' },
    { name: 'messages[].content', type: 'string', isNeeded: false, note: '' },
    { name: 'stop', type: 'string | list of string', isNeeded: false, note: '' },
    { name: 'n', type: 'integer', isNeeded: false, note: 'from 1, to 8, default 1' }
  ])
  assert.equal(typeOf({}), 'anything')
  assert.equal(typeOf({ const: 1 }), '1')
})

test('the example has what is needed, and the command shows where a token goes', () => {
  assert.deepEqual(sampleOf(BODY), { messages: [{ role: 'user' }] })
  assert.deepEqual(sampleOf({ type: 'object', properties: { prompt: { type: 'string' } } }), {
    prompt: '…'
  })
  const [chat, health] = groupsOf(SPEC).flatMap(({ operations }) => operations)
  assert.equal(curlOf(health!, 'http://here'), "curl 'http://here/health'")
  assert.equal(
    curlOf(chat!, 'http://here'),
    [
      "curl -X POST 'http://here/v1/chat'",
      "-H 'authorization: Bearer haif_…'",
      "-H 'content-type: application/json'",
      `-d '{"messages":[{"role":"user"}]}'`
    ].join(' \\\n  ')
  )
})
