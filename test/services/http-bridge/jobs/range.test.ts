/** The parts of a file that requests ask for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRange } from '../../../../services/http-bridge/jobs/range.ts'

test('a range is read as RFC 9110 has it', () => {
  const of10 = (header: string | undefined) => readRange(header, 10)
  assert.deepEqual(of10('bytes=2-4'), { from: 2, to: 5 })
  assert.deepEqual(of10('bytes=2-'), { from: 2, to: 10 })
  assert.deepEqual(of10('bytes=8-99999999999999999999'), { from: 8, to: 10 })
  assert.deepEqual(of10('bytes=-3'), { from: 7, to: 10 })
  assert.deepEqual(of10('Bytes = 0 - 0'), { from: 0, to: 1 })
  assert.deepEqual(of10('bytes=-30'), { from: 0, to: 10 })
  for (const none of [undefined, '', 'bytes=-', 'bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'x']) {
    assert.equal(of10(none), null)
  }
  for (const beyond of ['bytes=10-', 'bytes=-0', 'bytes=99-100']) {
    assert.equal(of10(beyond), 'unsatisfiable')
  }
  assert.equal(readRange('bytes=0-', 0), 'unsatisfiable')
})
