/**
 * A disk that takes its time, for a process that a test starts: each write and sync under a folder
 * waits while a file says so. The calls of the C library are replaced, as FUSE does it in the
 * kernel, so the process itself is as it is in use. Needs a C compiler.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { atEnd, type Scope } from '../peers/peers.ts'

const SOURCE = String.raw`
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/types.h>

static void wait_for(int fd, const char *ms) {
  const char *folder = getenv("SLOW_DISK_FOLDER"), *file = getenv("SLOW_DISK_SWITCH");
  char link[64], path[4096];
  if (!folder || !file || access(file, F_OK) != 0) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  if (strncmp(path, folder, strlen(folder)) == 0) usleep(1000 * atoi(getenv(ms)));
}

#define SLOW(result, name, arguments, given, ms) \
  result name arguments { \
    static result (*real) arguments; \
    if (!real) real = dlsym(RTLD_NEXT, #name); \
    wait_for(fd, ms); \
    return real given; \
  }

SLOW(int, fsync, (int fd), (fd), "SLOW_DISK_SYNC_MS")
SLOW(int, fdatasync, (int fd), (fd), "SLOW_DISK_SYNC_MS")
SLOW(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), "SLOW_DISK_WRITE_MS")
SLOW(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), "SLOW_DISK_WRITE_MS")
SLOW(ssize_t, pwrite64, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), "SLOW_DISK_WRITE_MS")
`

interface SlowDisk {
  /** For the process. */
  env: Record<string, string>
  begin: () => void
  end: () => void
}

/** The reason why there is none here, as a test's `skip`. */
export const NO_SLOW_DISK = compiles() ? false : 'no C compiler here'

export function slowDisk(
  t: Scope,
  folder: string,
  { writeMs, syncMs }: { writeMs: number; syncMs: number }
): SlowDisk {
  const made = mkdtempSync(join(tmpdir(), 'haif-slow-'))
  atEnd(t, async () => rmSync(made, { recursive: true, force: true }))
  const library = join(made, 'slow.so')
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, '-x', 'c', '-', '-ldl'], { input: SOURCE })
  const file = join(made, 'is-slow')
  return {
    env: {
      LD_PRELOAD: library,
      SLOW_DISK_FOLDER: folder,
      SLOW_DISK_SWITCH: file,
      SLOW_DISK_WRITE_MS: String(writeMs),
      SLOW_DISK_SYNC_MS: String(syncMs)
    },
    begin: () => writeFileSync(file, ''),
    end: () => rmSync(file, { force: true })
  }
}

function compiles(): boolean {
  if (process.platform !== 'linux') return false
  try {
    execFileSync('cc', ['--version'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
