import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTlsAddresses } from '#shared/mesh/connection/tls/tls-address.ts'

test('a relay is a name or an address, with port 443 unless it has another', () => {
  assert.deepEqual(parseTlsAddresses('relay.example.org, 5.5.5.1:8443,[2001:db8::1]:443,'), [
    { host: 'relay.example.org', port: 443 },
    { host: '5.5.5.1', port: 8443 },
    { host: '2001:db8::1', port: 443 }
  ])
  assert.deepEqual(parseTlsAddresses(''), [])
})

test('anything else is refused by its name', () => {
  for (const text of ['https://relay', 'relay:0', 'relay:70000', 'a b']) {
    assert.throws(() => parseTlsAddresses(text), {
      code: 'CONFIG_INVALID',
      message: /host\[:port\]/
    })
  }
})
