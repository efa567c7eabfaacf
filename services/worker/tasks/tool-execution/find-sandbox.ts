/** Whether this machine can run tools; not read off versions, but tried. */
import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import process from 'node:process'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { runInSandbox } from './run-in-sandbox.ts'
import type { Sandbox } from './sandbox.ts'
import { hasFilter } from './seccomp.ts'
import { TOOL_LIMITS } from './tool-limits.ts'

/** Not looked for in PATH: whoever could put a program there would run outside of every sandbox. */
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/bin']
const TRY_MS_MAX = 20_000
/** The user `nobody`, who owns nothing. */
const NOBODY = { uid: 65_534, gid: 65_534 }

/** Throws SANDBOX_UNAVAILABLE with what is missing and how it comes. */
export async function findSandbox(
  home: string,
  {
    platform,
    arch,
    folders = FOLDERS
  }: { platform: string; arch: string; folders?: string[] } = process
): Promise<Sandbox> {
  if (platform !== 'linux' || !hasFilter(arch)) {
    throw unavailable(`there is no sandbox for ${platform} on ${arch}, only for Linux`)
  }
  const bwrap = programIn(folders, 'bwrap')
  if (bwrap === null) {
    throw unavailable('bubblewrap is missing: install it (Debian, Ubuntu: apt install bubblewrap)')
  }
  for (const name of ['prlimit', 'tar']) {
    if (programIn(FOLDERS, name) === null) throw unavailable(`the program ${name} is missing`)
  }
  if (!existsSync(`/proc/self/task/${process.pid}/children`)) {
    throw unavailable('/proc of this kernel does not tell the children of a process')
  }
  const folder = realpathSync(home)
  const hidden = folder.startsWith('/usr/') ? [folder] : []
  const user = process.getuid?.() === 0 ? NOBODY : null
  const sandbox = { bwrap, user, hidden }
  await tryOut(sandbox)
  return sandbox
}

async function tryOut(sandbox: Sandbox): Promise<void> {
  const limits = { ...TOOL_LIMITS, wallMs: TRY_MS_MAX }
  const command = { command: ['true'], environment: {}, stdin: '', files: [], limits }
  const { signal } = new AbortController()
  const hooks = { signal, onOutput: () => {}, onFile: async () => {} }
  const { exitCode, stderr } = await runInSandbox(sandbox, command, hooks).catch(
    (error: unknown) => ({ exitCode: null, stderr: reasonOf(error) })
  )
  if (exitCode !== 0) throw unavailable(`${stderr.trim()}; ${REMEDY}`)
}

const REMEDY =
  'it takes bubblewrap 0.8 or newer and a kernel that gives user namespaces to everybody (Ubuntu: ' +
  'sysctl kernel.apparmor_restrict_unprivileged_userns=0; Docker: --security-opt seccomp=unconfined)'

function programIn(folders: readonly string[], name: string): string | null {
  for (const folder of folders) {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK)
      return `${folder}/${name}`
    } catch {
      // look in the next one
    }
  }
  return null
}

const unavailable = (why: string): HaifError =>
  new HaifError('SANDBOX_UNAVAILABLE', `this machine cannot run tools: ${why}`)
