import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchClock } from '#shared/process/clock-watch.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'

test('a clock that jumps is named once, and one that drifts is not', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { log, lines } = recordingLogger()
  const clocks = { date: 1_000_000, now: 0 }
  using watch = watchClock(log, { date: () => clocks.date, now: () => clocks.now })
  const passes = (ms: number, jumps = 0) => {
    clocks.now += ms
    clocks.date += ms + jumps
    t.mock.timers.tick(1000)
  }
  for (let i = 0; i < 50; i++) passes(1000, 100)
  passes(1000, 3_600_000)
  passes(1000)
  passes(60_000) // a process that was stopped has not slept
  passes(1000, -3_600_000)
  const said = lines.map(({ msg }) => msg)
  assert.ok(watch)
  assert.deepEqual(said, [
    'the clock of this machine went forward by 3600 s: it was set, or the machine slept',
    'the clock of this machine went back by 3600 s: it was set, or the machine slept'
  ])
})
