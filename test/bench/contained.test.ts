/** Whoever is killed, nothing of a contained program is left. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { temporaryHome } from '../helpers/cli.ts'
import { NO_SMALL_DISK } from '../helpers/stores/small-disk.ts'
import { until } from '../helpers/until.ts'

const here = (path: string) => new URL(path, import.meta.url).href

/** Starts a process that nobody ends, and a disk. */
const PROGRAM = `
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { contained } from '${here('contained.ts')}'
import { inScope } from '${here('scope.ts')}'
import { NO_SMALL_DISK, smallDisk } from '${here('../helpers/stores/small-disk.ts')}'

process.exitCode = await contained(import.meta.filename, async (interrupted) =>
  inScope(async (t) => {
    t.after(() => console.log('ended'))
    const { pid } = spawn('sleep', ['1000'])
    const folder = NO_SMALL_DISK === false ? smallDisk(t, 1).folder : mkdtempSync(tmpdir() + '/x-')
    console.log(JSON.stringify({ inside: process.pid, pid, folder }))
    await sleep(1e9)
    return 0
  }, interrupted).catch(() => 130)
)
`

interface Running {
  outside: ChildProcess
  inside: number
  pid: number
  folder: string
  said: string[]
}

async function start(t: TestContext, through: readonly string[]): Promise<Running> {
  const file = join(temporaryHome(t), 'program.mts')
  writeFileSync(file, PROGRAM)
  const [command, ...args] = [...through, process.execPath, file]
  const outside = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => outside.kill('SIGKILL'))
  const lines = createInterface({ input: outside.stdout })
  const said: string[] = []
  lines.on('line', (line) => said.push(line))
  const [line] = (await once(lines, 'line')) as [string]
  return { outside, said, ...(JSON.parse(line) as Omit<Running, 'outside' | 'said'>) }
}

const runs = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function nothingIsLeft({ inside, pid, folder }: Running): Promise<void> {
  await until(() => !runs(inside) && !runs(pid) && !existsSync(dirname(folder)), 60_000)
  assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(folder))
}

const skip = process.platform !== 'linux' && 'looks into /proc'

const kill = ({ outside }: Running, signal: NodeJS.Signals): void => void outside.kill(signal)
/** As npm stands between: the shell that is killed has started the program. */
const SHELL = ['sh', '-c', '"$0" "$1"; true']

for (const [what, through, interrupt] of [
  ['Ctrl-C and SIGTERM', [], (running: Running) => kill(running, 'SIGTERM')],
  ['a kill of its parent', SHELL, (running: Running) => kill(running, 'SIGKILL')],
  [
    'a kill of the program itself',
    [],
    ({ inside }: Running) => void process.kill(inside, 'SIGKILL')
  ]
] as const) {
  test(`${what}: no process, no disk and no folder is left`, { skip }, async (t) => {
    const running = await start(t, through)
    const isThere = readFileSync('/proc/self/mounts', 'utf8').includes(running.folder)
    assert.equal(isThere, NO_SMALL_DISK === false)
    assert.ok(runs(running.pid) && runs(running.inside))
    interrupt(running)
    await nothingIsLeft(running)
    if (what === 'a kill of the program itself') return
    await until(() => running.said.includes('ended'), 60_000)
  })
}
