/** The task `model_download`, from a hub on this machine. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TaskItem } from '#shared/contracts/jobs/task-run.ts'
import type { Hub } from '../../../../../services/worker/models/sources/hub.ts'
import { ModelDownload } from '../../../../../services/worker/tasks/model-download/model-download.ts'
import { startHub } from '../../models/download/models-hub.ts'

const file = Buffer.concat([Buffer.from('GGUF'), randomBytes(2_000_000)])
const folder = mkdtempSync(join(tmpdir(), 'haif-task-download-'))

async function run(hub: Hub, input: object) {
  const served: object[] = []
  const held = (name: string) => (name === 'here' ? 'f00d' : undefined)
  const serve = (model: object) => void served.push(model)
  const context = { signal: new AbortController().signal, artifacts: null! }
  const task = new ModelDownload({ folder, hub, held, serve }).run(input, context)
  const items: TaskItem[] = []
  for (;;) {
    const { done, value } = await task.next()
    if (done === true) return { items, served, output: value.output }
    items.push(value)
  }
}

test('a model is brought, its progress told, and served from then on', async (t) => {
  const { hub } = await startHub(t, { files: { 'tiny.gguf': file }, tags: { Q8_0: 'tiny.gguf' } })
  const source = 'hf:user/tiny-GGUF:Q8_0'
  const sha256 = hash('sha256', file)
  const { items, served, output } = await run(hub, { model: 'mine', source, sha256 })
  const path = 'tiny-q8_0.gguf'
  assert.deepEqual(output, { model: 'mine', sha256, bytes: file.length, path })
  assert.deepEqual(served, [{ name: 'mine', uri: source }])
  assert.equal(items.at(-1)?.progress, 1)
  const other = { model: source, sha256: 'f'.repeat(64) }
  await assert.rejects(run(hub, other), { code: 'DOWNLOAD_FAILED' })
})

test('a model that is here is not brought, and what is on the disk is nobody’s to name', async () => {
  const hub = { endpoint: 'http://127.0.0.1:1' }
  const { output } = await run(hub, { model: 'here' })
  assert.deepEqual(output, { model: 'here', sha256: 'f00d', bytes: 0, path: '' })
  for (const model of ['/etc/passwd', 'builtin', 'unknown', 'hf:nonsense', 'hf:a/b/../../x.gguf']) {
    await assert.rejects(run(hub, { model }), { code: 'VALIDATION_FAILED' }, model)
  }
})
