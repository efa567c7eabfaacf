/** F8: the server of the example page is no proxy to anywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passedPath } from '../../../examples/web-chat/passed-path.ts'

const bridge = new URL('http://127.0.0.1:8080')
const passed = (url: string) => passedPath(url, bridge)

test('the addresses that the page needs are passed on, with their queries', () => {
  assert.equal(passed('/infer'), '/infer')
  assert.equal(passed('/v1/chat/completions'), '/v1/chat/completions')
  assert.equal(passed('/v1/usage?group_by=day'), '/v1/usage?group_by=day')
  assert.equal(passed('/healthz'), '/healthz')
})

test('F8: no other server and no other address is reached, however it is written', () => {
  const others = [
    'http://127.0.0.1:18474/v1/../latest/meta-data/iam',
    'http://169.254.169.254/v1/x',
    '//evil.example/v1/x',
    '/\\evil.example/v1/x',
    '\\\\evil.example/v1/x',
    '/v1/../metrics',
    '/v1/%2e%2e/metrics',
    '/v1/..\\metrics',
    '/metrics',
    '/',
    '/infer/../metrics',
    '*',
    ''
  ]
  for (const url of others) assert.equal(passed(url), null, url)
})
