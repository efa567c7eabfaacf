import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { FreeVram } from '../../../../../../../services/worker/engines/llama/parent/gpu/free-vram.ts'
import { parseGpus } from '../../../../../../../services/worker/engines/llama/parent/gpu/nvidia.ts'
import {
  CUDA_PROCESS_BYTES,
  ProcessMemory
} from '../../../../../../../services/worker/engines/llama/parent/gpu/process-memory.ts'

const MEASURED = { ramBytes: 700, vramBytes: 1894e6 }

test('the VRAM of a process is what the driver says, looked at again while it runs', async () => {
  let now = 0
  let bytes = 2420e6
  const look = async () => [{ pid: 7, bytes }]
  const memory = await ProcessMemory.of(7, MEASURED, look, () => now)
  assert.deepEqual(memory.now(), { ramBytes: 700, vramBytes: 2420e6 })
  bytes = 2500e6
  assert.equal(memory.now().vramBytes, 2420e6, 'not asked again at once')
  now = 10_000
  memory.now()
  await turn()
  assert.equal(memory.now().vramBytes, 2500e6)
})

test('where the driver does not show the process, the cost of CUDA is added', async () => {
  const memory = await ProcessMemory.of(7, MEASURED, async () => [{ pid: 1, bytes: 5 }])
  assert.equal(memory.now().vramBytes, 1894e6 + CUDA_PROCESS_BYTES)
})

test('the free memory of all cards is asked for in the background', async () => {
  let now = 0
  let asked = 0
  const free = new FreeVram(
    async () => {
      asked++
      return parseGpus('0, A, 1, 100, 60\n1, B, 1, 100, 10\n')
    },
    () => now
  )
  assert.equal(free.now(), null)
  await turn()
  assert.equal(free.now(), 70 * 1024 ** 2)
  now = 2_999
  free.now()
  assert.equal(asked, 1)
  now = 3_000
  free.now()
  assert.equal(asked, 2)
})
