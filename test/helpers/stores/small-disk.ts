/** A disk of a few megabytes that a test really fills: a tmpfs, where this user may mount one. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { atEnd, type Scope } from '../peers/peers.ts'

interface SmallDisk {
  folder: string
  /** Leaves no byte free. */
  fill: () => void
  /** Takes away what `fill` has written. */
  empty: () => void
  /** From now on nothing can be written. */
  freeze: () => void
}

/** The reason why none can be mounted here, as a test's `skip`. */
export const NO_SMALL_DISK = mayMount() ? false : 'no tmpfs can be mounted here: it needs root'

export function smallDisk(t: Scope, megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'haif-disk-'))
  mount(folder, megabytes)
  atEnd(t, async () => {
    execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' })
    rmdirSync(folder)
  })
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill: () => writeUntilFull(ballast),
    empty: () => rmSync(ballast, { force: true }),
    freeze: () => void execFileSync('mount', ['-o', 'remount,ro', folder], { stdio: 'pipe' })
  }
}

function mount(folder: string, megabytes: number): void {
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0777`, 'tmpfs', folder]
  execFileSync('mount', options, { stdio: 'pipe' })
}

/** In pages first, then byte by byte, as a little room is still room. */
function writeUntilFull(file: string): void {
  const descriptor = openSync(file, 'a')
  for (const size of [1 << 20, 4096, 1]) {
    try {
      for (;;) writeSync(descriptor, Buffer.alloc(size))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(descriptor)
}

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const folder = mkdtempSync(join(tmpdir(), 'haif-disk-'))
  try {
    mount(folder, 1)
    execFileSync('umount', [folder], { stdio: 'pipe' })
    return true
  } catch {
    return false
  } finally {
    rmdirSync(folder)
  }
}
