/**
 * The arguments of bubblewrap: a root of its own with the system's programs, read-only, nothing of
 * the machine's people and nothing of HAIF; no network; every process in it ends with bubblewrap,
 * and bubblewrap ends with the worker.
 *
 * What a tool writes goes into memory of a bounded size: the kernel keeps to it exactly, and a
 * worker that is killed leaves nothing behind.
 */
import { lstatSync, readlinkSync } from 'node:fs'
import type { ToolLimits } from './tool-limits.ts'

export interface Sandbox {
  /** The program, and how it is started. */
  bwrap: string
  /** A user without rights, when the worker runs as root; null: the worker's own. */
  user: { uid: number; gid: number } | null
  /** Folders below /usr that a tool must not see, because HAIF keeps its own things there. */
  hidden: readonly string[]
}

/** Open files of the supervisor beyond the standard three. */
export const FD = { outArchive: 3, inArchive: 4, status: 5, filter: 6 } as const

export const FILES_OPEN_MAX = 256
const SHARED_MEMORY_BYTES = 16 << 20

/**
 * Unpacks the inputs, runs the command under its limits, packs what it left. It is not to be
 * trusted more than the command, which may do with it as it likes: both only write bytes.
 *
 * It says that it is there and waits for GO. While bubblewrap sets up, its processes are not bound
 * to each other yet: a tool of a worker that was killed in that moment would run without anybody.
 */
const SUPERVISOR = `
echo >&3; read go <&4 || exit 125
cd /scratch && mkdir in out tmp && tar -xf - -C in <&4 || exit 125
exec 4<&-
limits=$1; shift
prlimit $limits --core=0 --nofile=${FILES_OPEN_MAX} -- "$@" 3>&- 5>&- 6>&- 7>&- 8>&- 9>&-
code=$?
tar -cf - --format=ustar --hard-dereference -C out . >&3 || exit 125
exit $code`
export const READY = '\n'
export const GO = 'go\n'

/** In place of the command: what bubblewrap starts. */
export function sandboxArguments(
  sandbox: Sandbox,
  limits: ToolLimits,
  command: readonly string[],
  environment: Readonly<Record<string, string>>
): string[] {
  return [
    ...jailArguments(sandbox, limits, environment),
    ...words(`--seccomp ${FD.filter} --json-status-fd ${FD.status} -- /bin/sh -c`),
    SUPERVISOR,
    'haif',
    resourceLimits(limits).join(' '),
    ...command
  ]
}

/** The root, and what is in it: `mounts` beside the system's programs. */
export function jailArguments(
  { hidden }: Sandbox,
  limits: ToolLimits,
  environment: Readonly<Record<string, string>>,
  mounts: readonly string[] = []
): string[] {
  const variables = { ...environment, PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/scratch' }
  const set = Object.entries({ LANG: 'C.UTF-8', TMPDIR: '/scratch/tmp', ...variables })
  return [
    ...words('--unshare-all --unshare-user --disable-userns --die-with-parent --new-session'),
    ...words('--cap-drop ALL --hostname haif --clearenv'),
    ...set.flatMap(([name, value]) => ['--setenv', name, value]),
    ...systemFolders(),
    ...hidden.flatMap((folder) => ['--tmpfs', folder, '--remount-ro', folder]),
    ...words('--proc /proc --dev /dev'),
    ...words(`--perms 1777 --size ${SHARED_MEMORY_BYTES} --tmpfs /dev/shm --remount-ro /dev`),
    ...words(`--perms 0700 --size ${limits.scratchBytes} --tmpfs /scratch`),
    ...mounts,
    // TMPDIR says it to most; where a runtime lies below /tmp, that is a folder already.
    ...(areBelowTmp(mounts) ? [] : words('--symlink /scratch/tmp /tmp')),
    ...words('--remount-ro /')
  ]
}

/** Whether one of `--ro-bind from to` has its place there. */
const areBelowTmp = (mounts: readonly string[]): boolean =>
  mounts.some((to, i) => to.startsWith('/tmp/') && mounts[i - 2]?.startsWith('--') === true)

const words = (text: string): string[] => text.split(' ')

/** On a merged system /bin and /lib are links into /usr; on others they are folders. */
function systemFolders(): string[] {
  const folders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/etc/alternatives']
  return folders.flatMap((folder) => {
    const found = lstatSync(folder, { throwIfNoEntry: false })
    if (found === undefined) return []
    if (found.isSymbolicLink()) return ['--symlink', readlinkSync(folder), folder]
    return ['--ro-bind', folder, folder]
  })
}

/**
 * For each process. Address space is not among them, because runtimes reserve far more of it than
 * they use.
 */
export function resourceLimits(given: ToolLimits): string[] {
  const { cpuMs, memoryBytes, processes, scratchBytes } = given
  // The worker ends a tool that has used up its time, and says so; this is for when it is late.
  const cpuSeconds = Math.ceil(cpuMs / 1000) + 1
  const limits = { cpu: cpuSeconds, data: memoryBytes, nproc: processes, fsize: scratchBytes }
  return Object.entries(limits).map(([name, value]) => `--${name}=${value}`)
}
