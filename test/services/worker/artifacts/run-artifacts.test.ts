/** How what a run was given comes to its machine, and to whom it is lent. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { ArtifactStore } from '../../../../services/worker/artifacts/artifact-store.ts'
import { Loans } from '../../../../services/worker/artifacts/loans.ts'
import { RunArtifacts } from '../../../../services/worker/artifacts/run-artifacts.ts'

const bytes = randomBytes(2_000_000)
const sha256 = hash('sha256', bytes)
const KEEPER = 'a'.repeat(64)

type Part = Buffer | HaifError

/** A link whose streams give these parts. */
const linkWith = (asked: string[], parts: readonly Part[]) =>
  ({
    async *stream({ name }: { name: string }, { from = 0, to = Infinity }) {
      asked.push(name)
      let at = 0
      for (const part of parts) {
        if (part instanceof HaifError) throw part
        const wanted = part.subarray(Math.max(0, from - at), Math.max(0, to - at))
        at += part.length
        if (wanted.length > 0) yield wanted
      }
      return {}
    }
  }) as never as PeerLink

function setUp(t: TestContext, direct: readonly Part[] | null) {
  const folder = mkdtempSync(join(tmpdir(), 'haif-given-'))
  const context = createContext({ timeoutMs: 60_000 })
  t.after(() => {
    context[Symbol.dispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  const asked: string[] = []
  const given = [{ uri: 'artifact://j/t/a', sha256, bytes: bytes.length, from: KEEPER }]
  const artifacts = new RunArtifacts({
    store: new ArtifactStore({ folder, bytesMax: 1e9, keepMs: 1e9 }),
    run: 'r',
    given,
    context,
    link: () => linkWith(asked, [bytes]),
    reach: async (key) => {
      assert.equal(key, KEEPER)
      if (direct === null) throw new HaifError('PEER_LOST', 'behind two walls')
      return linkWith(asked, direct)
    }
  })
  return { asked, read: () => artifacts.read('artifact://j/t/a', 1e9) }
}

test('what a worker lends comes from that worker, past the jobs service, and once', async (t) => {
  const { asked, read } = setUp(t, [bytes.subarray(0, 1e6), bytes.subarray(1e6)])
  assert.deepEqual(await read(), bytes)
  assert.deepEqual(await read(), bytes)
  assert.deepEqual(asked, ['worker.readLentArtifact', 'worker.readLentArtifact']) // in ranges
})

test('a worker that cannot be reached, breaks off or sends other bytes is passed by', async (t) => {
  const lost = new HaifError('PEER_LOST', 'it has gone')
  const others = Buffer.alloc(bytes.length)
  for (const direct of [null, [bytes.subarray(0, 1e6), lost], [others], [others, others]]) {
    const { asked, read } = setUp(t, direct)
    assert.deepEqual(await read(), bytes)
    assert.equal(asked.at(-1), 'jobs.readRunArtifact')
  }
})

test('a loan is for one artifact, one worker, and its time', () => {
  let now = 0
  const loans = new Loans(() => now)
  loans.add(sha256, KEEPER, 1000)
  loans.assert(sha256, KEEPER)
  const refused = { code: 'NOT_FOUND' }
  assert.throws(() => loans.assert(sha256, 'b'.repeat(64)), refused)
  assert.throws(() => loans.assert('0'.repeat(64), KEEPER), refused)
  now = 1000
  assert.throws(() => loans.assert(sha256, KEEPER), refused)
})
