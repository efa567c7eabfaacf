import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnHost } from '#shared/kit/host-name.ts'

const own = (host: string, inNetwork = false) =>
  isOwnHost(host, { allowed: new Set(['haif.example.com']), inNetwork })

test('names that only this machine or its network can have are its own', () => {
  const names = ['localhost', 'LOCALHOST:8080', 'chat.localhost', '127.0.0.1:1', '[::1]:8080']
  for (const host of [...names, '192.168.1.5:8080', 'pc.local', 'haif.example.com', 'pc.lan.']) {
    assert.equal(own(host), true, host)
  }
})

test('a name that a stranger may have resolved to this machine is not', () => {
  const names = ['evil.example', '127.0.0.1.nip.io', 'localhost.evil.example', 'x.haif.example.com']
  for (const host of [...names, '', 'evil.example:8080', 'http-bridge:8080', '[::1', 'local']) {
    assert.equal(own(host), false, host)
  }
})

test('in a network other machines and containers call it by a name without a dot', () => {
  assert.equal(own('http-bridge:8080', true), true)
  assert.equal(own('evil.example', true), false)
  assert.equal(own('', true), false)
})
