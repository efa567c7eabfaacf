/** What a seeder gives, to how many at a time, and what it refuses. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { readWeights } from '#shared/contracts/peers/weights.ts'
import { Router } from '#shared/rpc/router.ts'
import { Pace } from '../../../../services/worker/weights/pace.ts'
import { Seeder } from '../../../../services/worker/weights/seeder.ts'
import { Shelf } from '../../../../services/worker/weights/shelf.ts'
import { contextFor, linkBetween, startDht, startPeer } from '../../../helpers/peers/peers.ts'
import { MB, shelve, temporaryFolder, weightsOf } from './seeds.ts'

async function seeding(t: TestContext, isBusy: () => boolean) {
  const folder = await temporaryFolder(t)
  const bytes = weightsOf(2)
  const sha256 = await shelve(folder, 'model', bytes)
  const router = new Router()
  const pace = new Pace({ bytesPerSecond: Infinity, isBusy })
  const shelf = new Shelf({ folder })
  new Seeder({ shelf, maySeed: () => true, sign: () => assert.fail('no manifest'), pace }).serve(
    router
  )
  const topicKey = await startDht(t)
  const seeder = await startPeer(t, topicKey, { role: 'worker', router })
  await seeder.welcome()
  const asks = await startPeer(t, topicKey, { role: 'worker' })
  await asks.reach(Buffer.from(seeder.key, 'hex'))
  return { link: await linkBetween(asks, seeder), sha256, bytes }
}

test('a peer reads so many ranges at a time, and one more when another has ended', async (t) => {
  const { link, sha256, bytes } = await seeding(t, () => false)
  const context = contextFor(t)
  const read = (from: number, to: number) => link.stream(readWeights, { sha256, from, to }, context)
  const open = Array.from({ length: 8 }, () => read(0, 2 * MB))
  const firsts = await Promise.all(open.map((stream) => stream.next())) // and none reads on
  for (const { value } of firsts) assert.deepEqual(value, bytes.subarray(0, MB))
  await assert.rejects(read(0, 1).next(), { code: 'WORKER_OVERLOADED' })
  assert.deepEqual((await open[0]!.next()).value, bytes.subarray(MB, 2 * MB))
  assert.equal((await open[0]!.next()).done, true)
  assert.deepEqual((await read(5, 9).next()).value, bytes.subarray(5, 9))
})

test('a range that the file does not have, and a file that is not here, are no', async (t) => {
  const { link, sha256, bytes } = await seeding(t, () => false)
  const context = contextFor(t)
  const wrong = [
    [{ sha256, from: 0, to: bytes.length + 1 }, 'VALIDATION_FAILED'],
    [{ sha256, from: 9, to: 9 }, 'VALIDATION_FAILED'],
    [{ sha256: 'ab'.repeat(32), from: 0, to: 9 }, 'NOT_FOUND'],
    [{ sha256: '../../keys', from: 0, to: 9 }, 'VALIDATION_FAILED']
  ] as const
  for (const [range, code] of wrong) {
    await assert.rejects(link.stream(readWeights, range, context).next(), { code })
  }
})
