import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outage } from '#shared/kit/outage.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'

test('says once that something is away, and once that it is back', () => {
  const { log, lines } = recordingLogger('info')
  const outage = new Outage(log, { begins: 'it is away', ends: 'it is back' })

  outage.worked()
  outage.failed(new Error('refused'), { replicas: 2 })
  assert.equal(outage.isAway, true)
  outage.failed(new Error('refused again'))
  outage.worked()
  assert.equal(outage.isAway, false)
  outage.worked()
  outage.failed('gone')

  assert.deepEqual(
    lines.map(({ msg, reason, replicas }) => ({ msg, reason, replicas })),
    [
      { msg: 'it is away', reason: 'refused', replicas: 2 },
      { msg: 'it is back', reason: undefined, replicas: undefined },
      { msg: 'it is away', reason: 'gone', replicas: undefined }
    ]
  )
})

test('an outage in which something is lost is an error', () => {
  const { log, lines } = recordingLogger('error')
  new Outage(log, { begins: 'it is lost', ends: 'it is kept', level: 'error' }).failed('full')
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['it is lost']
  )
})
