/** The task `tool_execution`: its input, its failures, and what it leaves. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import type { TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import type { TaskContext } from '../../../../../services/worker/tasks/task-kind.ts'
import { findSandbox } from '../../../../../services/worker/tasks/tool-execution/find-sandbox.ts'
import { pack } from '../../../../../services/worker/tasks/tool-execution/tar.ts'
import { ToolExecution } from '../../../../../services/worker/tasks/tool-execution/tool-execution.ts'
import { TOOL_LIMITS } from '../../../../../services/worker/tasks/tool-execution/tool-limits.ts'

const found = await findSandbox('/tmp').catch((error: Error) => error)
const options = { skip: found instanceof Error ? found.message : false }

const artifacts: TaskContext['artifacts'] = {
  async read(uri, bytesMax) {
    assert.ok(bytesMax > 0)
    return Buffer.from(`bytes of ${uri}`)
  },
  async keep(name, body) {
    const parts: Uint8Array[] = []
    for await (const part of body) parts.push(part)
    const bytes = Buffer.concat(parts)
    return { name, sha256: hash('sha256', bytes), bytes: bytes.length }
  }
}

async function run(input: object): Promise<{ items: TaskItem[]; result: TaskResult }> {
  assert.ok(!(found instanceof Error))
  const { signal } = new AbortController()
  const task = new ToolExecution(found, TOOL_LIMITS).run(input, { signal, artifacts })
  const items: TaskItem[] = []
  for (;;) {
    const { done, value } = await task.next()
    if (done === true) return { items, result: value }
    items.push(value)
  }
}

const sh = (script: string, more: object = {}) => run({ command: ['sh', '-c', script], ...more })

const fails = (code: string, words: RegExp) => (error: unknown) => {
  assert.equal((error as { code: string }).code, code)
  assert.match((error as Error).message, words)
  return true
}

test('texts, values and artifacts go in, output and files come out', options, async () => {
  const uri = 'artifact://job-1/t1/words'
  const files = { 'a.txt': 'text', 'd/b.json': { n: 1 }, c: uri }
  const script =
    'cat in/a.txt in/d/b.json in/c >&2; echo x > "out/a b"; echo y > out/a_b; echo "[1]"'
  const { items, result } = await sh(script, { files })
  const output = result.output as Record<string, unknown>
  assert.deepEqual(output['json'], [1])
  assert.equal(output['stderr'], `text{"n":1}bytes of ${uri}`)
  assert.ok(items.some(({ text }) => text?.includes('[1]')))
  const names = result.artifacts!.map(({ name }) => name).toSorted()
  assert.deepEqual(names, ['2-a_b', 'a_b'])
})

test('links, pipes and folders in out/ are no files, and none leads out', options, async () => {
  const script =
    'ln -s /etc/hostname out/l; mkfifo out/p; mkdir -p out/d; ln -s ../.. out/d/up; echo z > out/f'
  const { result } = await sh(script)
  assert.deepEqual(
    result.artifacts!.map(({ name }) => name),
    ['f']
  )
})

test('a tool that fails says its last words', options, async () => {
  await assert.rejects(
    sh('echo no such thing >&2; exit 3'),
    fails('TOOL_FAILED', /code 3: no such/)
  )
  await assert.rejects(
    run({ command: ['no-such-program'] }),
    fails('TOOL_FAILED', /no-such-program/)
  )
  const outputs = ['wanted']
  await assert.rejects(sh('echo x > out/other', { outputs }), fails('TOOL_FAILED', /out\/wanted/))
  const many = 'for i in $(seq 40); do echo x > out/$i; done'
  await assert.rejects(sh(many), fails('TOOL_FAILED', /more than 30 files/))
})

test('names that lead elsewhere and wishes beyond the owner’s are refused', options, async () => {
  for (const name of ['../x', '/etc/x', 'a/../../x', '..', 'a//b', 'x\u0000y']) {
    await assert.rejects(
      sh('true', { files: { [name]: 'x' } }),
      fails('VALIDATION_FAILED', /files/)
    )
  }
  const limits = { memory_bytes: TOOL_LIMITS.memoryBytes + 1 }
  await assert.rejects(sh('true', { limits }), fails('SANDBOX_UNAVAILABLE', /memoryBytes/))
  const large = { files: { x: 'x'.repeat(2000) }, limits: { scratch_bytes: 1000 } }
  await assert.rejects(sh('true', large), fails('BODY_TOO_LARGE', /1000 bytes/))
  assert.throws(() => pack([{ name: 'x'.repeat(101), bytes: Buffer.alloc(1) }]), /too long/)
})
