/** Tools in a real sandbox: what they can do, what they cannot, and that nothing outlives them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { findSandbox } from '../../../../../services/worker/tasks/tool-execution/find-sandbox.ts'
import {
  runInSandbox,
  type ToolOutcome
} from '../../../../../services/worker/tasks/tool-execution/run-in-sandbox.ts'
import type { PackedFile } from '../../../../../services/worker/tasks/tool-execution/tar.ts'
import {
  TOOL_LIMITS,
  type ToolLimits
} from '../../../../../services/worker/tasks/tool-execution/tool-limits.ts'
import { patience } from '../../../../helpers/deadline.ts'
import { until } from '../../../../helpers/until.ts'

const home = mkdtempSync(join(tmpdir(), 'haif-tools-'))
const found = await findSandbox(home).catch((error: Error) => error)
const options = { skip: found instanceof Error ? found.message : false }

const WORKER = new URL('tool-worker.ts', import.meta.url)

interface Asked {
  limits?: Partial<ToolLimits>
  files?: PackedFile[]
  stdin?: string
  signal?: AbortSignal
}

interface Ran extends ToolOutcome {
  left: Record<string, string>
  parts: string[]
}

async function run(script: string, asked: Asked = {}): Promise<Ran> {
  assert.ok(!(found instanceof Error))
  const left: Record<string, string> = {}
  const parts: string[] = []
  const outcome = await runInSandbox(
    found,
    {
      command: ['sh', '-c', script],
      environment: { GREETING: 'hello' },
      stdin: asked.stdin ?? '',
      files: asked.files ?? [],
      limits: { ...TOOL_LIMITS, wallMs: patience(20_000), ...asked.limits }
    },
    {
      signal: asked.signal ?? new AbortController().signal,
      onOutput: (_, text) => parts.push(text),
      async onFile({ name, body }) {
        const chunks: Buffer[] = []
        for await (const chunk of body) chunks.push(chunk)
        left[name] = Buffer.concat(chunks).toString()
      }
    }
  )
  return { ...outcome, left, parts }
}

const isFailure = (limit: string) => (error: unknown) => {
  const { code, details } = error as { code: string; details?: { limit: string } }
  assert.deepEqual([code, details?.limit], ['TOOL_FAILED', limit])
  return true
}

/** Processes of this machine whose command line has the text. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
      } catch {
        return false // it has ended
      }
    })
}

test('a tool gets its files, its input and its variables, and leaves files', options, async () => {
  const files = [{ name: 'words.txt', bytes: Buffer.from('b\na\n') }]
  const script =
    'sort in/words.txt > out/sorted; cat; echo "$GREETING" >&2; mkdir out/d; echo x > out/d/y'
  const ran = await run(script, { files, stdin: 'from outside' })
  assert.equal(ran.exitCode, 0)
  assert.deepEqual(ran.left, { sorted: 'a\nb\n', 'd/y': 'x\n' })
  assert.deepEqual([ran.stdout, ran.stderr], ['from outside', 'hello\n'])
})

test('a tool sees nothing of the machine and of HAIF, and no network', options, async (t) => {
  writeFileSync(join(home, 'token.pepper'), 'SECRET')
  const { port } = await listen(t)
  const script = `
    cat /etc/passwd /etc/shadow ${home}/token.pepper /root/.bashrc /home/*/.bashrc /proc/1/environ
    ls ${home} /etc /home /root /var /sys /run; env; ls /dev/shm; id -u
    touch /usr/x /x /dev/x; unshare -Ur true && echo UNSHARED
    exec 3<>/dev/tcp/127.0.0.1/${port} && echo CONNECTED`
  const bash = `cat > /scratch/s <<'END'\n${script}\nEND\nbash /scratch/s`
  const { stdout, stderr } = await run(bash)
  assert.doesNotMatch(stdout, /SECRET|root:|CONNECTED|UNSHARED|HAIF_HOME|token/)
  assert.match(stderr, /\/etc\/passwd: No such file/)
  assert.match(stderr, /touch: cannot touch '\/usr\/x': Read-only/)
  assert.match(stderr, /(Network is unreachable|Connection refused)/)
})

const isPerlOnX64 = existsSync('/usr/bin/perl') && process.arch === 'x64'

test(
  'calls that lead out of a sandbox are refused',
  { skip: options.skip || !isPerlOnX64 },
  async () => {
    const vsock = 40
    const calls = {
      memfd: 319,
      shmget: 29,
      ptrace: 101,
      unshare: 272,
      ioUring: 425,
      x32: 0x4000_0027
    }
    const made = Object.entries(calls).map(
      ([name, call]) => `print "${name} ", syscall(${call}, 0, 0, 0, 0), "|$!\n";`
    )
    const families = [1, 2, vsock].map(
      (family) => `print socket(my $s, ${family}, 1, 0) ? 1 : "$!"`
    )
    const { stdout } = await run(`perl -e '${made.join('')} ${families.join('; print "\n";')}'`)
    for (const name of Object.keys(calls)) {
      assert.match(stdout, new RegExp(`^${name} -1\\|Function not implemented$`, 'm'))
    }
    assert.match(stdout, /^1\n1\nAddress family not supported by protocol$/m)
  }
)

async function listen(t: TestContext): Promise<{ port: number }> {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return server.address() as { port: number }
}

test('what a tool writes and says is bounded exactly', options, async () => {
  const outputBytes = 100_000
  const isTooMuch = isFailure('output')
  await assert.rejects(run('head -c 1000000000 /dev/zero', { limits: { outputBytes } }), isTooMuch)
  const scratchBytes = 4 << 20
  const fill =
    'for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/zero > tmp/$i; done; df . | tail -1'
  const { stderr } = await run(fill, { limits: { scratchBytes } })
  assert.match(stderr, /No space left on device/)
  const parts = await run('head -c 90000 /dev/zero | tr "\\0" x', { limits: { outputBytes } })
  assert.equal(parts.parts.join('').length, 90_000)
})

test('a tool that loops is ended by its time, and by that of its processor', options, async () => {
  await assert.rejects(run('sleep 1000', { limits: { wallMs: 300 } }), isFailure('time'))
  const loops = 'for i in 1 2 3; do (while :; do :; done) & done; wait'
  await assert.rejects(run(loops, { limits: { cpuMs: 300 } }), isFailure('processor time'))
})

test('a tool that allocates is ended, alone or by many', options, async () => {
  const memoryBytes = 96 << 20
  const alone = await run('dd if=/dev/zero of=/dev/null bs=200M count=1', {
    limits: { memoryBytes }
  })
  assert.notEqual(alone.exitCode, 0)
  assert.match(alone.stderr, /memory exhausted/)
  const many =
    'for i in 1 2 3 4 5 6 7 8; do (x=$(head -c 20000000 /dev/zero | tr "\\0" x); sleep 600) & done; wait'
  // Time for all of them to begin, also on a busy machine.
  const wallMs = patience(60_000)
  await assert.rejects(run(many, { limits: { memoryBytes, wallMs } }), isFailure('memory'))
})

test('a tool that forks without end does not get far', options, async () => {
  const bomb = 'f() { f | f & }; f; for i in $(seq 99); do sleep 30 & done; echo ALL'
  // The kernel gives it no more, or the worker has seen too many, whichever comes first.
  const ran = await run(bomb, { limits: { processes: 20 } }).catch(
    (error: unknown) => void isFailure('processes')(error)
  )
  if (ran === undefined) return
  assert.doesNotMatch(ran.stdout, /ALL/)
  assert.match(ran.stderr, /fork/)
})

test('nothing that a tool starts outlives it', options, async () => {
  const mark = `${process.pid}.25`
  const { stdout } = await run(`setsid nohup sleep 7${mark} >/dev/null 2>&1 & echo started`)
  assert.equal(stdout, 'started\n')
  await until(() => processesWith(`7${mark}`).length === 0)
  const cancel = new AbortController()
  const running = run(`setsid sleep 8${mark}`, { signal: cancel.signal })
  running.catch(() => {})
  await until(() => processesWith(`sleep\x008${mark}`).length > 0)
  cancel.abort(new Error('nobody wants it any more'))
  await assert.rejects(running)
  await until(() => processesWith(`8${mark}`).length === 0)
  for (const afterMs of [0, 2, 4, 8, 16]) {
    const soon = AbortSignal.timeout(afterMs) // while bubblewrap is setting up
    await assert.rejects(run(`setsid sleep 8${mark}`, { signal: soon }))
    await until(() => processesWith(`8${mark}`).length === 0)
  }
})

test('a tool ends with its worker, also when that is killed', options, async (t) => {
  const mark = `9${process.pid}.75`
  const worker = spawn(process.execPath, [WORKER.pathname, home, mark], { stdio: 'inherit' })
  t.after(() => worker.kill('SIGKILL'))
  await until(() => processesWith(`sleep\0${mark}`).length > 0)
  worker.kill('SIGKILL')
  await until(() => processesWith(`sleep\0${mark}`).length === 0)
})

test('without a sandbox there is a sentence that says why', async () => {
  const without = (given: { platform?: string; folders?: string[] }) =>
    findSandbox(home, { platform: 'linux', arch: 'x64', ...given })
  const isUnavailable = (words: RegExp) => (error: unknown) => {
    const { code, message } = error as { code: string; message: string }
    assert.equal(code, 'SANDBOX_UNAVAILABLE')
    assert.match(message, words)
    return true
  }
  await assert.rejects(without({ platform: 'darwin' }), isUnavailable(/no sandbox for darwin/))
  await assert.rejects(without({ folders: [home] }), isUnavailable(/install it/))
})
