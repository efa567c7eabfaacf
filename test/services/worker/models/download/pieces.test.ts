import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  PIECE_BYTES,
  Pieces,
  type Run
} from '../../../../../services/worker/models/download/pieces.ts'

test('several connections bring each piece once, whatever breaks off in between', () => {
  const steps = fc.array(fc.tuple(fc.nat(3), fc.constantFrom('arrives', 'breaks')), {
    minLength: 200
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), steps, (count, taken) => {
      const pieces = new Pieces(count * PIECE_BYTES - 5)
      const runs: (Run | null)[] = [null, null, null, null]
      const brought = new Set<number>()
      for (const [connection, happens] of taken) {
        const run = (runs[connection] ??= pieces.take(16))
        if (run === null) continue
        if (happens === 'arrives' && run.next < run.end) {
          assert.ok(!brought.has(run.next), 'it was here already')
          brought.add(run.next)
          pieces.arrived(run.next++)
        }
        if (happens === 'breaks' || run.next >= run.end) {
          pieces.giveBack(run)
          runs[connection] = null
        }
      }
      for (const run of runs) if (run !== null) pieces.giveBack(run)
      const again = new Pieces(pieces.sizeBytes, pieces.map)
      assert.equal(again.arrivedBytes, pieces.arrivedBytes)
      for (let run = again.take(7); run !== null; run = again.take(7)) {
        for (let piece = run.next; piece < run.end; piece++) again.arrived(piece)
        again.giveBack(run)
      }
      assert.ok(again.areAllHere)
      assert.equal(again.arrivedBytes, again.sizeBytes)
    })
  )
})

test('what was kept of another file is worth nothing', () => {
  const pieces = new Pieces(100 * PIECE_BYTES)
  pieces.arrived(3)
  assert.equal(new Pieces(20 * PIECE_BYTES, pieces.map).arrivedBytes, 0)
  assert.equal(new Pieces(20 * PIECE_BYTES, 'AA==').arrivedBytes, 0)
})
