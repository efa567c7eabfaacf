/**
 * Runs a program in a session and a temporary folder of its own, so that nothing of it outlives it:
 * services, servers of others, mounted disks. It may be interrupted, ended or killed, and so may
 * whoever started it: each of the two notices when the other is gone.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Set for the program itself, and for nothing that it starts with an environment of its own. */
const INSIDE = 'HAIF_CONTAINED'
/** What it may take to end everything in good order. */
const END_MS_MAX = 30_000

/** Called with a signal that is aborted when the work has to end; resolves to the exit code. */
type Work = (interrupted: AbortSignal) => Promise<number>

/** Returns outside of the container when all is over; inside it never does. */
export async function contained(file: string, work: Work): Promise<number> {
  return process.env[INSIDE] === undefined ? contain(file) : workInside(work)
}

async function contain(file: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'haif-contained-'))
  chmodSync(folder, 0o755) // servers may run as another user
  const child = spawn(process.execPath, [...process.execArgv, file, ...process.argv.slice(2)], {
    detached: true, // a session of its own, which a terminal does not interrupt
    env: { ...process.env, TMPDIR: folder, [INSIDE]: folder },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc']
  })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const interrupt = () => {
    if (child.connected) child.disconnect()
  }
  for (const signal of SIGNALS) process.on(signal, interrupt)
  const parent = process.ppid
  const orphaned = setInterval(() => process.ppid !== parent && interrupt(), ORPHANED_LOOK_MS)
  const [code, signal] = await ended
  clearInterval(orphaned)
  await sweep(child.pid!, folder)
  return code ?? 128 + constants.signals[signal!]
}

/** Nothing tells a process that its parent is gone. */
const ORPHANED_LOOK_MS = 1000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

async function workInside(work: Work): Promise<never> {
  const folder = process.env[INSIDE]!
  delete process.env[INSIDE]
  const over = new AbortController()
  const interrupt = () => over.abort(new Error('interrupted'))
  process.once('disconnect', interrupt)
  for (const signal of SIGNALS) process.on(signal, interrupt)
  const late = once(over.signal, 'abort').then(() => sleep(END_MS_MAX, 1, { ref: false }))
  const code = await Promise.race([work(over.signal), late])
  await sweep(process.pid, folder)
  process.exit(code)
}

/** Ends what is left of a session, and takes away its folder with the disks mounted in it. */
async function sweep(session: number, folder: string): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const left = processesOf(session).filter((pid) => pid !== process.pid)
    if (left.length === 0) break
    for (const pid of left) end(pid)
    await sleep(TRY_MS)
  }
  for (const mounted of mountsBelow(folder)) {
    execFileSync('umount', ['--lazy', mounted], { stdio: 'pipe' })
  }
  rmSync(folder, { recursive: true, force: true })
}

/** A process that is killed may have started another one just before. */
const TRIES_MAX = 50
const TRY_MS = 100

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** `/proc/N/stat`: the session is the fourth field behind the name, which may hold anything. */
function processesOf(session: number): number[] {
  return pids().filter((pid) => {
    try {
      const [state, , , of] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .split(') ')
        .at(-1)!
        .split(' ')
      return Number(of) === session && state !== 'Z'
    } catch {
      return false // it has just ended
    }
  })
}

const pids = (): number[] =>
  process.platform === 'linux'
    ? readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
    : []

/** The innermost first. */
function mountsBelow(folder: string): string[] {
  if (process.platform !== 'linux') return []
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed()
}
