/**
 * The packages of functions: one folder for each set of pins, runtime and platform. It is built
 * aside and renamed, so one that is there is whole, and a file is locked meanwhile, so that nobody
 * builds it twice.
 */
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import { fileBytes } from '#shared/functions/open-bundle.ts'
import { HaifError } from '#shared/errors.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import type { Runtime } from './runtimes.ts'

export interface Environment {
  /** In place of the runtime's own; absent: that one. */
  program?: string
  mounts: readonly { from: string; to: string }[]
}

interface BuiltEnvironment {
  key: string
  bytes: number
  usedAt: number
}

interface EnvironmentsOptions {
  folder: string
  /** Of installers: PATH, a proxy, an index. */
  env: Readonly<Record<string, string>>
  /** Programs that build; tests name others. */
  uv?: string | null
  npm?: string
}

const QUIET = ['--disable-pip-version-check', '--no-cache-dir']
const NONE: Environment = { mounts: [] }
const INSIDE = '/environment'
const BUILD_MS_MAX = 900_000
const SAID_MAX = 1500
const LOCK_TRY_MS = 200
/** Of what a builder may say. */
const OUTPUT_BYTES_MAX = 4 << 20
const ASIDE = 'part-'
/** Whoever builds it reads the packages, and so does the user of the sandbox. */
const FOLDER_MODE = 0o755

export class Environments {
  readonly #options: EnvironmentsOptions
  readonly #building = new Map<string, Promise<void>>() // as many as there are tasks

  constructor(options: EnvironmentsOptions) {
    this.#options = options
  }

  /** Throws ENVIRONMENT_FAILED with what the installer said. */
  async ready(
    bundle: FunctionBundle,
    runtime: Runtime,
    onNote: (note: string) => void,
    signal: AbortSignal
  ): Promise<Environment> {
    if ((bundle.dependencies ?? []).length === 0) return NONE
    const key = environmentKey(bundle, runtime)
    const folder = join(this.#options.folder, key)
    if (!existsSync(folder)) {
      onNote('builds its environment')
      const building = this.#building.get(key) ?? this.#build(key, bundle, runtime)
      this.#building.set(key, building)
      try {
        await building
      } finally {
        this.#building.delete(key)
      }
      signal.throwIfAborted()
    }
    touch(folder)
    const mounts = [{ from: folder, to: INSIDE }]
    if (runtime.name === 'python') return { program: `${INSIDE}/bin/python3`, mounts }
    return { mounts: [{ from: join(folder, 'node_modules'), to: '/bundle/node_modules' }] }
  }

  /** Those that are there, the one that was used last first. */
  list(): BuiltEnvironment[] {
    const { folder } = this.#options
    if (!existsSync(folder)) return []
    const keys = readdirSync(folder).filter((name) => KEY.test(name))
    return keys
      .map((key) => {
        const { mtimeMs } = statSync(join(folder, key))
        return { key, bytes: bytesBelow(join(folder, key)), usedAt: mtimeMs }
      })
      .toSorted((a, b) => b.usedAt - a.usedAt)
  }

  /** False: there is none. It is built again when it is needed. */
  async remove(key: string): Promise<boolean> {
    const folder = join(this.#options.folder, key)
    if (!KEY.test(key) || !existsSync(folder)) return false
    const gone = join(this.#options.folder, `${ASIDE}gone-${key}-${Date.now()}`)
    await rename(folder, gone) // what runs in it keeps its open files, and nobody sees a half of it
    await rm(gone, { recursive: true, force: true })
    return true
  }

  async #build(key: string, bundle: FunctionBundle, runtime: Runtime): Promise<void> {
    const { folder } = this.#options
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    const lock = await this.#lock(key)
    try {
      // Another worker of this machine may have built it.
      if (!existsSync(join(folder, key))) await this.#buildAside(key, bundle, runtime)
    } finally {
      lock.release()
    }
  }

  async #buildAside(key: string, bundle: FunctionBundle, runtime: Runtime): Promise<void> {
    const { folder } = this.#options
    const aside = await mkdtemp(join(folder, ASIDE))
    try {
      if (runtime.name === 'python') await this.#buildPython(aside, bundle, runtime)
      else await this.#buildNode(aside, bundle)
      // The sandbox may run as another user, who is to read and never to write.
      await this.#run('chmod', ['-R', 'a+rX,go-w', aside], folder)
      await rename(aside, join(folder, key))
    } finally {
      await rm(aside, { recursive: true, force: true })
    }
  }

  async #lock(key: string): Promise<FileLock> {
    const file = join(this.#options.folder, `${key}.lock`)
    const deadline = performance.now() + BUILD_MS_MAX
    for (;;) {
      const lock = lockFile(file)
      if (lock !== null) return lock
      if (performance.now() > deadline) {
        throw new HaifError('WORKER_OVERLOADED', 'another process still builds the environment')
      }
      await sleep(LOCK_TRY_MS)
    }
  }

  /** Wheels only: to build from source would run code of its makers, in no sandbox. */
  async #buildPython(aside: string, bundle: FunctionBundle, runtime: Runtime): Promise<void> {
    const wheels = join(aside, 'wheels')
    const isOffline = writeWheels(wheels, bundle)
    const source = ['--only-binary', ':all:', '--find-links', wheels]
    if (isOffline) source.push('--no-index')
    const { uv = null } = this.#options
    if (uv === null) {
      // A pip of its own takes most of the time of a build, and one of the runtime can do it, too.
      const hasPip = await this.#run(runtime.path, ['-I', '-m', 'pip', '--version'], aside).then(
        () => true,
        () => false
      )
      const python = join(aside, 'bin/python3')
      await this.#run(
        runtime.path,
        ['-I', '-m', 'venv', ...(hasPip ? ['--without-pip'] : []), aside],
        aside
      )
      const pip = ['-I', '-m', 'pip', ...(hasPip ? ['--python', python] : [])]
      const how = [...pip, 'install', '--no-input', '--no-compile', ...QUIET]
      await this.#run(
        hasPip ? runtime.path : python,
        [...how, ...source, ...bundle.dependencies!],
        aside
      )
    } else {
      await this.#run(uv, ['venv', '--allow-existing', '--python', runtime.path, aside], aside)
      const python = ['--python', join(aside, 'bin/python3')]
      await this.#run(uv, ['pip', 'install', ...python, ...source, ...bundle.dependencies!], aside)
    }
    await rm(wheels, { recursive: true, force: true })
  }

  async #buildNode(aside: string, bundle: FunctionBundle): Promise<void> {
    for (const name of ['package.json', 'package-lock.json']) {
      const body = bundle.files[name]
      if (body === undefined) {
        throw new HaifError('ENVIRONMENT_FAILED', `a function with packages needs ${name}`)
      }
      writeFileSync(join(aside, name), fileBytes(body))
    }
    writeWheels(join(aside, 'wheels'), bundle)
    const { npm = 'npm' } = this.#options
    await this.#run(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev'], aside)
  }

  async #run(program: string, args: readonly string[], folder: string): Promise<void> {
    const options = {
      cwd: folder,
      env: { LANG: 'C.UTF-8', HOME: folder, ...this.#options.env },
      timeout: BUILD_MS_MAX,
      maxBuffer: OUTPUT_BYTES_MAX
    }
    await new Promise<void>((resolve, reject) => {
      execFile(program, [...args], options, (error, stdout, stderr) => {
        if (error === null) return resolve()
        const words = (stderr.trim() || stdout.trim() || error.message).slice(-SAID_MAX)
        const message = `the environment cannot be built: ${words}`
        reject(new HaifError('ENVIRONMENT_FAILED', message, { cause: error }))
      })
    })
  }
}

const KEY = /^[0-9a-f]{64}$/

/** The same pins on the same runtime and platform are the same environment. */
export function environmentKey(
  { dependencies = [], files }: FunctionBundle,
  { name, version, path }: Runtime
): string {
  const given = Object.entries(files)
    .filter(([file]) => file.startsWith('wheels/') || /^package(-lock)?\.json$/.test(file))
    .map(([file, body]) => [file, hash('sha256', fileBytes(body))])
  const pins = dependencies.toSorted()
  const { platform, arch } = process
  return hash('sha256', JSON.stringify([name, version, path, platform, arch, pins, given]))
}

/** True where each pin has a wheel of its own, so that no index is asked. */
function writeWheels(folder: string, { files, dependencies = [] }: FunctionBundle): boolean {
  const wheels = Object.entries(files).filter(([path]) => path.startsWith('wheels/'))
  mkdirSync(folder, { recursive: true })
  for (const [path, body] of wheels) {
    writeFileSync(join(folder, path.split('/').at(-1)!), fileBytes(body))
  }
  const names = new Set(wheels.map(([path]) => plainName(path.split('/').at(-1)!.split('-')[0]!)))
  return dependencies.every((pin) => names.has(plainName(pin.split(/[[=]/)[0]!)))
}

/** https://packaging.python.org/en/latest/specifications/name-normalization/ */
const plainName = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, '-')

/** The time of the folder says when it was last used. */
function touch(folder: string): void {
  const now = Date.now() / 1000
  utimesSync(folder, now, now)
}

function bytesBelow(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}
