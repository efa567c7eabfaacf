import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '#shared/kit/within.ts'

test('waits until it is done, and keeps no timer', async () => {
  await within(60_000, Promise.resolve()) // a timer that stays would keep this file from ending
})

test('waits no longer than it is told to', async () => {
  await within(1, new Promise(() => {}))
})

test('a failure is passed on', async () => {
  await assert.rejects(within(60_000, Promise.reject(new Error('it broke'))), /it broke/)
})
