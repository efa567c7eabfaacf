import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerReport, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { sharedModels } from '../../../../services/registry/peers/shared-models.ts'
import { workerModel } from '../worker-model.ts'

const holding = (...models: WorkerModel[]): PeerReport => ({
  host: 'box',
  version: '1',
  worker: { models, draining: false }
})

test('what the mesh has is told once a name, with what is known of it, most held first', () => {
  const source = 'hf:me/mine:Q8_0'
  const memory = { ramBytes: 2, vramBytes: 0 }
  const found = sharedModels([
    holding(workerModel('a', 'loading', { source }), workerModel('rare', 'ready')),
    holding(workerModel('a', 'ready', { source, sizeBytes: 1, memory })),
    { host: 'gateway', version: '1' },
    holding(workerModel('broken', 'failed', { source }))
  ])
  assert.deepEqual(found, [
    { name: 'a', source, sizeBytes: 1, memory, workers: 2 },
    { name: 'rare', workers: 1 }
  ])
})
