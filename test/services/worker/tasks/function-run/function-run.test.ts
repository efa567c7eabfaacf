/** Calls of functions in their sandbox, hostile ones among them. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { after, test } from 'node:test'
import type { FunctionTask } from '#shared/contracts/functions/function-task.ts'
import type { TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { Environments } from '../../../../../services/worker/tasks/function-run/environments.ts'
import { FunctionRun } from '../../../../../services/worker/tasks/function-run/function-run.ts'
import { findRuntimes } from '../../../../../services/worker/tasks/function-run/runtimes.ts'
import type { TaskContext } from '../../../../../services/worker/tasks/task-kind.ts'
import { findSandbox } from '../../../../../services/worker/tasks/tool-execution/find-sandbox.ts'
import { TOOL_LIMITS } from '../../../../../services/worker/tasks/tool-execution/tool-limits.ts'
import { python, sealed, taskOf, type SealedBundle } from '../../../../helpers/functions/bundles.ts'
import { silentLogger } from '#shared/process/log.ts'
import { Shared } from '../../../../helpers/peers/peers.ts'

const shared = new Shared()
after(() => shared.end())

const LIMITS = { ...TOOL_LIMITS, memoryBytes: 128 << 20, scratchBytes: 16 << 20, wallMs: 60_000 }

const started = shared.once(async (scope) => {
  const found = await findSandbox('/tmp').catch((error: Error) => error)
  if (found instanceof Error) return found.message
  const kind = new FunctionRun({
    sandbox: found,
    allowed: LIMITS,
    runtimes: await findRuntimes([]),
    environments: new Environments({ folder: 'nowhere', env: {} }),
    log: silentLogger()
  })
  scope.after(() => kind.stop())
  return kind
})

/** Bytes that runs have kept, by name. */
const kept = new Map<string, Buffer>()

const artifactsOf = (bundle: SealedBundle): TaskContext['artifacts'] => ({
  async read(uri) {
    return Buffer.from(uri === `bundle:${bundle.sha256}` ? bundle.text : '{"of":"an artifact"}')
  },
  async keep(name, body) {
    const parts: Uint8Array[] = []
    for await (const part of body) parts.push(part)
    const bytes = Buffer.concat(parts)
    kept.set(name, bytes)
    return { name, sha256: hash('sha256', bytes), bytes: bytes.length }
  }
})

interface Called {
  value: unknown
  stdout: string
  items: TaskItem[]
  result: TaskResult
}

async function call(
  t: { skip: (why: string) => void },
  bundle: SealedBundle,
  task: FunctionTask,
  signal = new AbortController().signal
): Promise<Called> {
  const kind = await started()
  if (typeof kind === 'string') {
    t.skip(kind)
    return { value: undefined, stdout: '', items: [], result: { output: null } }
  }
  const run = kind.run(task, { signal, artifacts: artifactsOf(bundle) })
  const items: TaskItem[] = []
  for (;;) {
    const { done, value } = await run.next()
    if (done !== true) items.push(value)
    else return { ...(value.output as { value: unknown; stdout: string }), items, result: value }
  }
}

test('arguments go in, the value, what it prints and its files come out', async (t) => {
  const bundle = sealed(
    python(
      'import asyncio\nasync def run(a, b=2):\n' +
        '  print("prints", a)\n  open("out/x y.txt", "w").write("left")\n  return {"sum": a + b}'
    )
  )
  const { value, stdout, items, result } = await call(t, bundle, taskOf(bundle, { a: 1 }))
  assert.deepEqual(value, { sum: 3 })
  assert.equal(stdout, 'prints 1\n')
  assert.ok(items.some(({ text }) => text?.includes('prints 1')))
  assert.equal(result.artifacts?.[0]?.name, 'x_y.txt')
  assert.equal(kept.get('x_y.txt')?.toString(), 'left')
})

test('a large value becomes an artifact, and an artifact an argument', async (t) => {
  const bundle = sealed(python('def run(a):\n  return [a["of"], "x" * 2000000]'))
  const args = { a: { $artifact: 'artifact://job/t/name' } }
  const { value, result } = await call(t, bundle, taskOf(bundle, args))
  assert.deepEqual(value, { $artifact: 'result.json' })
  assert.equal(result.artifacts?.[0]?.name, 'result.json')
  const [first] = JSON.parse(kept.get('result.json')!.toString()) as string[]
  assert.equal(first, 'an artifact')
})

test('a warm process serves one run after the other, and a run sees no files of another', async (t) => {
  const source =
    'import os\nn = 0\ndef run():\n  global n\n  n += 1\n  print(n)\n' +
    '  found = os.listdir("out"); open("out/f", "w").close()\n  return [n, found, os.getpid()]'
  const bundle = sealed(python(source))
  const warm = { warm: 'a'.repeat(32) }
  const first = await call(t, bundle, taskOf(bundle, {}, warm))
  const second = await call(t, bundle, taskOf(bundle, {}, warm))
  assert.deepEqual((first.value as unknown[])[0], 1)
  assert.deepEqual((second.value as unknown[]).slice(0, 2), [2, []])
  assert.equal(second.stdout, '2\n')
  const cold = await call(t, bundle, taskOf(bundle))
  assert.deepEqual((cold.value as unknown[])[0], 1)
})

test('TypeScript runs as it is', async (t) => {
  const source = 'export const run = async ({ a }: { a: number }): Promise<number> => a * 2'
  const bundle = sealed(
    python('', { runtime: 'node', module: 'main.ts', files: { 'main.ts': source } })
  )
  assert.equal((await call(t, bundle, taskOf(bundle, { a: 21 }))).value, 42)
})

/** What each does, and how it is named. */
const HOSTILE: Record<string, { source: string; words: RegExp; limits?: FunctionTask['limits'] }> =
  {
    'loops for ever': {
      source: 'def run():\n  while True: pass',
      words: /run for 1000 ms|compute/,
      limits: { wallMs: 1000 }
    },
    allocates: {
      source: 'def run():\n  a = []\n  while True: a.append(bytearray(1 << 20))',
      words: /MemoryError|bytes of memory/
    },
    'forks without end': {
      source:
        'import os\ndef run():\n  while True:\n    if os.fork() == 0:\n      import time\n      time.sleep(60)',
      words: /BlockingIOError|processes|memory/
    },
    'fills the disk': {
      source: 'def run():\n  f = open("out/f", "wb")\n  while True: f.write(bytes(1 << 20))',
      words: /No space left|File too large/
    },
    'writes a gigabyte': {
      source: 'def run():\n  for _ in range(1024): print("x" * (1 << 20))',
      words: /write 1048576 bytes/
    },
    'returns what is no JSON': { source: 'def run():\n  return {1j}', words: /no JSON/ },
    exits: { source: 'def run():\n  raise SystemExit(3)', words: /ended its process \(3\)/ },
    'ends at once': { source: 'import os\ndef run():\n  os._exit(7)', words: /exit code 7/ },
    segfaults: {
      source: 'import ctypes\ndef run():\n  ctypes.string_at(0)',
      words: /ended by SIGSEGV/
    },
    'changes its own bundle': {
      source: 'def run():\n  open(__file__, "w").write("")',
      words: /OSError|PermissionError/
    },
    'opens a socket': {
      source: 'import socket\ndef run():\n  socket.create_connection(("1.1.1.1", 53), 2)',
      words: /unreachable|OSError/
    },
    'talks into the pipe of its harness': {
      source: 'import os\ndef run():\n  os.write(4, b"\\xff" * 64)',
      words: /pipe of its harness/
    },
    raises: { source: 'def run():\n  raise ValueError("why")', words: /ValueError: why/ },
    'is not there': { source: 'x = 1', words: /AttributeError/ }
  }

/** One process for all of its calls: it counts them. */
const NEIGHBOUR = sealed(
  python('n = 0\ndef run():\n  global n\n  n += 1\n  open("out/f", "w").close()\n  return n')
)
let neighbourCalls = 0

for (const [what, { source, words, limits }] of Object.entries(HOSTILE)) {
  test(`a function that ${what} is stopped and named, and no other run is harmed`, async (t) => {
    const bundle = sealed(python(source))
    const task = taskOf(bundle, {}, limits === undefined ? {} : { limits })
    const kind = await started()
    if (typeof kind === 'string') return t.skip(kind)
    const stopped = assert.rejects(call(t, bundle, task), (error: Error & { code: string }) => {
      assert.equal(error.code, 'FUNCTION_FAILED')
      assert.match(error.message, words)
      return true
    })
    const beside = () => call(t, NEIGHBOUR, taskOf(NEIGHBOUR, {}, { warm: 'b'.repeat(32) }))
    assert.equal((await beside()).value, ++neighbourCalls)
    await stopped
    assert.equal((await beside()).value, ++neighbourCalls)
  })
}

test('a function sees neither the files of people nor those of HAIF nor its own pipes', async (t) => {
  const source =
    'import os\ndef run():\n  seen = [p for p in ("/etc/passwd", "/root", "/home", "/tmp/x", "/var")' +
    ' if os.path.exists(p)]\n  fds = sorted(os.listdir("/proc/self/fd"), key=int)\n' +
    '  return [seen, os.environ.get("DATABASE_URL"), fds]'
  const bundle = sealed(python(source))
  const { value } = await call(t, bundle, taskOf(bundle))
  if (value === undefined) return
  const [seen, secret, fds] = value as [string[], unknown, string[]]
  assert.deepEqual(seen, [])
  assert.equal(secret, null)
  assert.ok(
    fds.every((fd) => Number(fd) <= 4 || Number(fd) === Math.max(...fds.map(Number))),
    fds.join()
  )
})

test('a bundle whose hash or signature does not fit is not run', async (t) => {
  const bundle = sealed(python('def run():\n  return 1'))
  const other = sealed(python('def run():\n  return 2'))
  const kind = await started()
  if (typeof kind === 'string') return t.skip(kind)
  const isRefused = { code: 'VALIDATION_FAILED' }
  await assert.rejects(call(t, { ...bundle, text: other.text }, taskOf(bundle)), isRefused)
  await assert.rejects(call(t, bundle, { ...taskOf(bundle), seal: other.seal }), isRefused)
})

test('a run that is canceled ends its process', async (t) => {
  const bundle = sealed(
    python('import time\ndef run():\n  print("runs", flush=True)\n  time.sleep(600)')
  )
  const kind = await started()
  if (typeof kind === 'string') return t.skip(kind)
  const control = new AbortController()
  const context = { signal: control.signal, artifacts: artifactsOf(bundle) }
  const run = kind.run(taskOf(bundle), context)
  for (let text: string | undefined; text === undefined;) {
    const { done, value } = await run.next()
    assert.ok(done !== true)
    text = value.text
  }
  control.abort(new Error('canceled'))
  await assert.rejects(run.next())
})

test('a process that is killed from outside costs an attempt, and the next call has another', async (t) => {
  const source =
    'import time\ndef run(ms):\n  print("runs", flush=True)\n  time.sleep(ms / 1000)\n  return ms'
  const bundle = sealed(python('', { module: 'killed.py', files: { 'killed.py': source } }))
  const kind = await started()
  if (typeof kind === 'string') return t.skip(kind)
  const warm = { warm: 'c'.repeat(32) }
  const context = { signal: new AbortController().signal, artifacts: artifactsOf(bundle) }
  const run = kind.run(taskOf(bundle, { ms: 600_000 }, warm), context)
  for (let text: string | undefined; text === undefined;) text = textIn(await run.next())
  for (const pid of pidsOf('killed.py')) killIfThere(pid)
  await assert.rejects(run.next(), { code: 'WORKER_LOST' })
  assert.equal((await call(t, bundle, taskOf(bundle, { ms: 1 }, warm))).value, 1)
})

const textIn = ({ done, value }: IteratorResult<TaskItem, TaskResult>): string | undefined =>
  done === true ? assert.fail('it has ended') : value.text

/** The sandbox ends with the process in it, and the other way round. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH')
  }
}

/** Processes of this machine whose command has the word, the sandbox around them too. */
const pidsOf = (word: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word)
      } catch {
        return false // it has ended
      }
    })
