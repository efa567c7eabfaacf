/** Who may operate the mesh from its own machine while nobody needs a token. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fastify, type FastifyInstance } from 'fastify'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { RunningRequests } from '../../../../services/http-bridge/ask/running-requests.ts'
import { Cors } from '../../../../services/http-bridge/http/cors.ts'
import { letLocalOperate } from '../../../../services/http-bridge/operators/local-operator.ts'

const OURS = 'a1'.repeat(32)
const HERE = { host: '127.0.0.1:8080' }

/** Replies with the token that a gateway would see. */
function bridge({ tokensNeeded = false, reached = [OURS], key = 'operator-key' } = {}) {
  const app = fastify()
  const cors = new Cors(['https://page.example'])
  letLocalOperate(app, {
    gateways: { call: async () => ({ tokensNeeded }) } as unknown as PeerPool,
    reached: () => reached,
    running: new RunningRequests({ fromBeyond: false, cors }),
    operator: { key: () => key, gateways: () => new Set([OURS]) }
  })
  app.get('/*', async ({ headers }) => headers['x-haif-token'] ?? headers.authorization ?? 'none')
  return app
}

const seen = async (
  app: FastifyInstance,
  url = '/v1/admin/mesh',
  headers: Record<string, string> = HERE,
  remoteAddress = '127.0.0.1'
): Promise<string> => (await app.inject({ url, headers, remoteAddress })).body

test('at the machine itself the mesh can be operated until there is a token', async () => {
  for (const url of ['/v1/admin/mesh', '/v1/me', '/v1/usage?group_by=day', '//v1/admin/tokens']) {
    assert.equal(await seen(bridge(), url), 'operator-key', url)
  }
  assert.equal(await seen(bridge(), '/v1/me', { host: 'localhost:8080' }), 'operator-key')
  assert.equal(await seen(bridge(), '/v1/me', { host: '[::1]:8080' }, '::1'), 'operator-key')
  assert.equal(await seen(bridge({ tokensNeeded: true })), 'none')
})

test('who asks a model, or shows a token, has the rights that it has', async () => {
  for (const url of ['/v1/models', '/infer', '/v1/jobs', '/v1/administrator', '/v1/message']) {
    assert.equal(await seen(bridge(), url), 'none', url)
  }
  const shown = { ...HERE, authorization: 'Bearer haif_user_x' }
  assert.equal(await seen(bridge(), '/v1/admin/mesh', shown), 'Bearer haif_user_x')
})

test('other machines, proxies, other names and pages of others are given nothing', async () => {
  const path = '/v1/admin/mesh'
  assert.equal(await seen(bridge(), path, HERE, '192.168.1.9'), 'none')
  assert.equal(await seen(bridge(), path, { host: 'haif.example' }), 'none')
  assert.equal(await seen(bridge(), path, { host: '192.168.1.5:8080' }), 'none')
  for (const name of ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip']) {
    assert.equal(await seen(bridge(), path, { ...HERE, [name]: 'somebody' }), 'none', name)
  }
  assert.equal(await seen(bridge(), path, { ...HERE, origin: 'https://page.example' }), 'none')
})

test('the key is shown to gateways of this machine alone', async () => {
  assert.equal(await seen(bridge({ reached: [OURS, 'b2'.repeat(32)] })), 'none')
})
