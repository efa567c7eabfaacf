/** Workers that hold different models under one name are told of, once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import {
  unlikeness,
  UnlikeHolders
} from '../../../../services/orchestrator/workers/unlike-holders.ts'
import { modelReport, startDispatcher } from './table.ts'

test('the sentence says what differs and where', () => {
  const of = (...models: Partial<WorkerModel>[]) => {
    const mesh = startDispatcher()
    for (const [i, model] of models.entries()) mesh.report(`worker-${i}`, [modelReport(model)])
    return unlikeness('m', mesh.table.holders('m'))
  }
  const llama = { engine: 'llama', digest: 'a', chatTemplate: true }
  assert.equal(of(llama, llama, { ...llama, contextTokens: 99 }), null)
  assert.equal(of(llama, { ...llama, digest: 'b', state: 'failed' as const }), null)
  assert.match(
    of(llama, { ...llama, digest: 'b' }) ?? '',
    /different files on worker-0 and worker-1/
  )
  assert.match(of(llama, { ...llama, engine: 'openai' }) ?? '', /engines llama and openai/)
  assert.match(of(llama, { ...llama, chatTemplate: false }) ?? '', /different abilities/)
})

test('it is logged once, and a warning for as long as it is so', () => {
  const mesh = startDispatcher()
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const unlike = new UnlikeHolders({ table: mesh.table, log, now: () => mesh.clock.ms })
  const look = () => {
    mesh.clock.ms += 5000
    unlike.look(['m'])
  }
  mesh.report('a', [modelReport({ digest: 'x' })])
  look()
  assert.deepEqual(unlike.warnings(), [])
  mesh.report('b', [modelReport({ digest: 'y' })])
  look()
  look()
  assert.equal(lines.length, 1)
  assert.match(unlike.warnings()[0]!, /under the name m/)
  mesh.report('b', [modelReport({ digest: 'x' })])
  look()
  assert.deepEqual(unlike.warnings(), [])
})

test('what came too soon after the look before is looked at when somebody asks', () => {
  const mesh = startDispatcher()
  const log = pino({ level: 'silent' })
  const unlike = new UnlikeHolders({ table: mesh.table, log, now: () => mesh.clock.ms })
  mesh.report('a', [modelReport({ digest: 'x' })])
  unlike.look(['m'])
  mesh.report('b', [modelReport({ digest: 'y' })])
  unlike.look(['m'])
  assert.equal(unlike.warnings().length, 1)
})
