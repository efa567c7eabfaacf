/** The line that says why a process died. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { LogTail } from '../../../../services/worker/engines/log-tail.ts'

async function reasonOf(...lines: string[]): Promise<string | null> {
  const tail = new LogTail()
  const stream = new PassThrough()
  tail.read(stream)
  stream.end(lines.map((line) => `${line}\n`).join(''))
  return tail.reason()
}

test('is the most telling one, and not that of a step that was cancelled', async () => {
  const cancelled = [
    'graph_compute: ggml_backend_sched_graph_compute_async failed with error 1',
    'process_ubatch: failed to compute graph, compute status: 1',
    'llama_decode: failed to decode, ret = 2'
  ]
  assert.equal(await reasonOf(...cancelled), null)
  assert.equal(await reasonOf('loaded', ...cancelled), 'loaded')
  assert.equal(
    await reasonOf('GGML_ASSERT(a) failed', 'bye', ...cancelled),
    'GGML_ASSERT(a) failed'
  )
})
