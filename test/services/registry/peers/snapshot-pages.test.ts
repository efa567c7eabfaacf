/** Nothing is lost between pages, and no page is too large for a reply. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MeshSnapshot, PeerEntry, SnapshotQuery } from '#shared/contracts/peers/peers.ts'
import { readRegistry } from '#shared/mesh/read-registry.ts'
import { createContext } from '#shared/rpc/context.ts'
import { SnapshotPages } from '../../../../services/registry/peers/snapshot-pages.ts'

const PAGE_BYTES = 512 * 1024

const peer = (i: number, error = ''): PeerEntry => {
  const model = { name: `m${i}`, state: 'failed' as const, engine: 'llama', slots: 0, running: 0 }
  const rates = { waiting: 0, prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 }
  const models = Array.from({ length: 64 }, () => ({ ...model, ...rates, error }))
  const key = i.toString(16).padStart(64, '0')
  const facts = { host: 'h', version: '1', rttMs: 0, path: 'direct' as const }
  return { key, role: 'worker', ...facts, worker: { models, draining: false } }
}
const model = (name: string) => ({
  name,
  digest: '',
  contextTokens: 0,
  engine: 'llama',
  workers: [],
  createdAt: 0
})

async function readAll(snapshot: Omit<MeshSnapshot, 'now'>, query: SnapshotQuery = {}) {
  const pages = new SnapshotPages(snapshot)
  let most = 0
  const call = async (_contract: unknown, asked: SnapshotQuery) => {
    const page = pages.page(asked, 1)
    most = Math.max(most, Buffer.byteLength(JSON.stringify(page)))
    return page
  }
  using context = createContext({ timeoutMs: 1000 })
  return { read: await readRegistry({ call }, context, query), most }
}

test('F9: a mesh that somebody fills is read whole, in replies that are not too large', async () => {
  const peers = Array.from({ length: 40 }, (_, i) => peer(i, '\u4e2d'.repeat(512)))
  const { read, most } = await readAll({ peers, models: [] })
  assert.deepEqual(
    read.peers.map(({ key }) => key),
    peers.map(({ key }) => key)
  )
  assert.ok(most < PAGE_BYTES * 2, `${most} bytes`)
})

test('every peer and model is read once, whatever their names', async () => {
  const name = fc.string({ minLength: 1, maxLength: 256 })
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { maxLength: 30 }), async (names) => {
      const models = names.map((each) => ({ ...model(each), quantization: 'x'.repeat(60_000) }))
      const { read } = await readAll({ peers: [peer(1), peer(2)], models })
      assert.deepEqual(read.models.map((each) => each.name).toSorted(), names.toSorted())
      assert.equal(read.peers.length, 2)
    }),
    { numRuns: 50 }
  )
})

test('whoever wants the models gets no peers', async () => {
  const { read } = await readAll({ peers: [peer(1)], models: [model('a')] }, { models: true })
  assert.equal(read.peers.length, 0)
  assert.equal(read.models.length, 1)
})
