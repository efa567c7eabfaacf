/**
 * The packages of functions: one folder for each set of pins, runtime and platform. It is built
 * aside and renamed, so one that is there is whole, and a file is locked meanwhile, so that nobody
 * builds it twice.
 */
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import type { BuiltEnvironment } from '#shared/contracts/functions/environments.ts'
import { fileBytes } from '#shared/functions/open-bundle.ts'
import { isOfPackages, packagesKey } from '#shared/functions/packages-key.ts'
import { HaifError } from '#shared/errors.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import type { Runtime } from './runtimes.ts'

export interface Environment {
  /** In place of the runtime's own; absent: that one. */
  program?: string
  mounts: readonly { from: string; to: string }[]
}

/** What is built, and all that it takes to build it again: a bundle without the code. */
type Recipe = Pick<FunctionBundle, 'runtime' | 'dependencies' | 'files'>

/** Written into the folder before it is moved into place. */
interface About {
  packages: string
  bytes: number
  version: string
  builtAt: number
  buildMs: number
  recipe: Recipe
}

interface EnvironmentsOptions {
  folder: string
  /** All of them together; the one that was used longest ago goes first. Infinity: no bound. */
  bytesMax?: number
  /** One that was not used for so long is removed. */
  keepMs?: number
  /** Nobody's run is as long: one that was used since may be in use, and stays. */
  busyMs?: number
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
const BUSY_MS = 3_600_000
/** Of what a builder may say. */
const OUTPUT_BYTES_MAX = 4 << 20
const ASIDE = 'part-'
const ABOUT = 'haif-environment.json'
/** Whoever builds it reads the packages, and so does the user of the sandbox. */
const FOLDER_MODE = 0o755

export class Environments {
  readonly #options: EnvironmentsOptions
  readonly #building = new Map<string, Promise<void>>() // as many as there are tasks
  /** Called when one was built or removed here. */
  onChange: () => void = () => {}

  constructor(options: EnvironmentsOptions) {
    this.#options = options
  }

  /** Throws ENVIRONMENT_FAILED with what the installer said. */
  async ready(
    bundle: Recipe,
    runtime: Runtime,
    onNote: (note: string) => void,
    signal: AbortSignal
  ): Promise<Environment> {
    const key = environmentKey(bundle, runtime)
    if (key === null) return NONE
    const folder = join(this.#options.folder, key)
    if (!existsSync(folder)) {
      await this.#once(key, () => this.#build(key, bundle, runtime, onNote), onNote)
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
      .map((key) => this.#view(key))
      .filter((each) => each !== null)
      .toSorted((a, b) => b.usedAt - a.usedAt)
  }

  /** False: there is none. It is built again when it is needed. */
  async remove(key: string): Promise<boolean> {
    const folder = join(this.#options.folder, key)
    if (!KEY.test(key) || !existsSync(folder)) return false
    const gone = this.#goneName(key)
    await rename(folder, gone) // what runs in it keeps its open files, and nobody sees a half of it
    await rm(gone, { recursive: true, force: true })
    this.onChange()
    return true
  }

  /** Builds one that is there anew, and puts it in its place. Throws NOT_FOUND. */
  async rebuild(key: string, runtimes: readonly Runtime[]): Promise<void> {
    const about = KEY.test(key) ? this.#about(key) : null
    const runtime = runtimes.find(
      (each) => about !== null && environmentKey(about.recipe, each) === key
    )
    if (about === null || runtime === undefined) {
      throw new HaifError(
        'NOT_FOUND',
        `there is no environment ${key} that can be built again here`
      )
    }
    await this.#once(
      key,
      () => this.#build(key, about.recipe, runtime, () => {}, true),
      () => {}
    )
  }

  /** Removes what nobody has used for long, and what is beyond the bound. Returns the keys. */
  async prune(now = Date.now()): Promise<string[]> {
    const { bytesMax = Infinity, keepMs = Infinity, busyMs = BUSY_MS } = this.#options
    const gone: string[] = []
    let bytes = 0
    for (const each of this.list()) {
      bytes += each.bytes
      const unusedMs = now - each.usedAt
      if (unusedMs <= busyMs || (bytes <= bytesMax && unusedMs <= keepMs)) continue
      if (await this.remove(each.key)) gone.push(each.key)
      bytes -= each.bytes
    }
    return gone
  }

  /** Of several who want it here, the first builds. */
  async #once(key: string, build: () => Promise<void>, onNote: (note: string) => void) {
    const running = this.#building.get(key)
    if (running !== undefined) {
      onNote('waits for its environment, which is being built')
      return running
    }
    const building = build()
    this.#building.set(key, building)
    try {
      await building
    } finally {
      this.#building.delete(key)
    }
    await this.prune()
    this.onChange()
  }

  #goneName(key: string): string {
    return join(this.#options.folder, `${ASIDE}gone-${key}-${Date.now()}`)
  }

  #about(key: string): About | null {
    try {
      return JSON.parse(readFileSync(join(this.#options.folder, key, ABOUT), 'utf8')) as About
    } catch {
      return null // it was built by an older version, or was removed a moment ago
    }
  }

  #view(key: string): BuiltEnvironment | null {
    const folder = join(this.#options.folder, key)
    const stat = statSync(folder, { throwIfNoEntry: false })
    if (stat === undefined) return null
    const usedAt = Math.floor(stat.mtimeMs)
    const about = this.#about(key)
    if (about === null) return { key, bytes: bytesBelow(folder), usedAt }
    const { recipe, packages, bytes, version, builtAt, buildMs } = about
    const { runtime, dependencies = [] } = recipe
    return { key, bytes, usedAt, packages, runtime, version, dependencies, builtAt, buildMs }
  }

  async #build(
    key: string,
    recipe: Recipe,
    runtime: Runtime,
    onNote: (note: string) => void,
    isAnew = false
  ): Promise<void> {
    const { folder } = this.#options
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    const count = recipe.dependencies?.length ?? 0
    onNote(`builds its environment: ${count} ${count === 1 ? 'package' : 'packages'}`)
    const lock = await this.#lock(key)
    const startedAt = performance.now()
    try {
      // Another worker of this machine may have built it.
      if (!isAnew && existsSync(join(folder, key))) return
      await this.#buildAside(key, recipe, runtime)
    } finally {
      lock.release()
    }
    onNote(`its environment is built, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  }

  async #buildAside(key: string, recipe: Recipe, runtime: Runtime): Promise<void> {
    const { folder } = this.#options
    const aside = await mkdtemp(join(folder, ASIDE))
    const startedAt = performance.now()
    try {
      if (runtime.name === 'python') await this.#buildPython(aside, recipe, runtime)
      else await this.#buildNode(aside, recipe)
      this.#describe(aside, recipe, runtime, performance.now() - startedAt)
      // The sandbox may run as another user, who is to read and never to write.
      await this.#run('chmod', ['-R', 'a+rX,go-w', aside], folder)
      const gone = this.#goneName(key)
      if (existsSync(join(folder, key))) await rename(join(folder, key), gone)
      await rename(aside, join(folder, key))
      await rm(gone, { recursive: true, force: true })
    } finally {
      await rm(aside, { recursive: true, force: true })
    }
  }

  #describe(aside: string, given: Recipe, { version }: Runtime, ms: number): void {
    const { runtime, dependencies = [] } = given
    const files = Object.fromEntries(
      Object.entries(given.files).filter(([path]) => isOfPackages(path))
    )
    const about: About = {
      packages: packagesKey(given)!,
      bytes: bytesBelow(aside),
      version,
      builtAt: Date.now(),
      buildMs: Math.round(ms),
      recipe: { runtime, dependencies, files }
    }
    writeFileSync(join(aside, ABOUT), JSON.stringify(about))
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
  async #buildPython(aside: string, bundle: Recipe, runtime: Runtime): Promise<void> {
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

  async #buildNode(aside: string, bundle: Recipe): Promise<void> {
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
        // pip says on one of them that pins contradict each other, and on the other which.
        const said = `${stdout.trim()}\n${stderr.trim()}`.trim()
        const words = (said || error.message).slice(-SAID_MAX)
        const message = `the environment cannot be built: ${words}`
        reject(new HaifError('ENVIRONMENT_FAILED', message, { cause: error }))
      })
    })
  }
}

const KEY = /^[0-9a-f]{64}$/

/** The same packages for the same runtime and platform are one environment; null: it needs none. */
export function environmentKey(recipe: Recipe, { name, version, path }: Runtime): string | null {
  const packages = packagesKey(recipe)
  if (packages === null || recipe.runtime !== name) return null
  const { platform, arch } = process
  return hash('sha256', JSON.stringify([packages, version, path, platform, arch]))
}

/** True where each pin has a wheel of its own, so that no index is asked. */
function writeWheels(folder: string, { files, dependencies = [] }: Recipe): boolean {
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
