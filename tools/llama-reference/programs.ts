/**
 * llama.cpp's own programs, as something to measure HAIF against: `llama-batched-bench` for the
 * engine, `llama-server` for the whole server. They are built from the source that node-llama-cpp
 * ships, so that both sides run the same revision, and kept in the user's cache for the next time.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync
} from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export interface ReferencePrograms {
  /** The release of llama.cpp that they are built from. */
  release: string
  batchedBench: string
  server: string
}

const SOURCE = fileURLToPath(new URL('../../node_modules/node-llama-cpp/llama/', import.meta.url))
const PROGRAMS = ['llama-batched-bench', 'llama-server']
const NEEDED = ['git', 'cmake', 'c++']

/**
 * As llama.cpp builds itself, on the CPU alone: for the very processor that it runs on, and with
 * nothing to fetch. Static, so that the two programs can be moved and the rest thrown away.
 */
const FLAGS = {
  CMAKE_BUILD_TYPE: 'Release',
  BUILD_SHARED_LIBS: 'OFF',
  LLAMA_BUILD_TESTS: 'OFF',
  LLAMA_BUILD_EXAMPLES: 'OFF',
  LLAMA_BUILD_APP: 'OFF',
  LLAMA_BUILD_UI: 'OFF',
  LLAMA_USE_PREBUILT_UI: 'OFF',
  LLAMA_OPENSSL: 'OFF'
}

/** The programs where they were built before, or null. */
export function knownPrograms(): ReferencePrograms | null {
  const programs = programsIn(programsFolder())
  return existsSync(programs.batchedBench) && existsSync(programs.server) ? programs : null
}

/** The first of the programs needed for the build that this machine lacks, or null. */
export function missingTool(): string | null {
  return NEEDED.find((name) => !runs(name)) ?? null
}

/**
 * Builds the programs, which takes two cores about seven minutes. A build that was interrupted goes
 * on where it was; only the two programs are kept of one that has ended.
 */
export function buildPrograms(): ReferencePrograms {
  const folder = programsFolder()
  const work = `${folder}.build`
  const [source, build] = [join(work, 'source'), join(work, 'build')]
  if (!existsSync(source)) checkout(source)
  const flags = Object.entries(FLAGS).map(([name, value]) => `-D${name}=${value}`)
  run('cmake', ['-S', source, '-B', build, ...(runs('ninja') ? ['-G', 'Ninja'] : []), ...flags])
  const jobs = String(availableParallelism())
  run('cmake', ['--build', build, '--parallel', jobs, '--target', ...PROGRAMS])
  mkdirSync(folder, { recursive: true })
  for (const name of PROGRAMS) cpSync(join(build, 'bin', name), join(folder, name))
  rmSync(work, { recursive: true, force: true })
  return programsIn(folder)
}

/**
 * Builds `llama-batched-bench` alone, on the libraries that lie in `libraries`. This takes seconds,
 * and it is the way to measure on a GPU: node-llama-cpp's CUDA and Vulkan libraries are the ones
 * that HAIF runs on, and nothing has to be compiled for the card. The program looks for its
 * libraries beside itself, so they are linked into its folder.
 */
export function linkBatchedBench(libraries: string, name: string): string {
  const folder = `${programsFolder()}-${name}`
  const source = `${folder}.${process.pid}`
  const program = join(folder, PROGRAMS[0]!)
  const files = readdirSync(libraries).filter((file) => file.endsWith('.so'))
  mkdirSync(folder, { recursive: true })
  for (const file of files) {
    rmSync(join(folder, file), { force: true })
    symlinkSync(join(libraries, file), join(folder, file))
  }
  try {
    checkout(source)
    const from = (path: string) => join(source, path)
    const flags = ['-O2', '-std=c++17', '-s', `-L${folder}`, '-Wl,-rpath,$ORIGIN']
    run('c++', [
      ...flags,
      '-Wl,--allow-shlib-undefined', // those of the driver are not on every machine that builds
      ...INCLUDED.map((path) => `-I${from(path)}`),
      ...['main.cpp', 'batched-bench.cpp'].map((file) => from(`tools/batched-bench/${file}`)),
      ...files.filter((file) => LINKED.test(file)).map((file) => `-l:${file}`),
      '-o',
      program
    ])
  } finally {
    rmSync(source, { recursive: true, force: true })
  }
  return program
}

const INCLUDED = ['include', 'ggml/include', 'common', 'vendor']
/** The libraries that it calls; the others are loaded by them, as the machine has use for them. */
const LINKED = /^lib(llama|llama-common|ggml|ggml-base)(\.|$)/

function checkout(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true })
  const part = `${folder}.${process.pid}`
  run('git', ['clone', '--quiet', '--depth=1', join(SOURCE, 'gitRelease.bundle'), part])
  renameSync(part, folder)
}

function programsIn(folder: string): ReferencePrograms {
  const [batchedBench, server] = PROGRAMS.map((name) => join(folder, name)) as [string, string]
  return { release: release(), batchedBench, server }
}

function programsFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'haif', 'llama-reference', release())
}

function release(): string {
  const { release: name } = JSON.parse(
    readFileSync(join(SOURCE, 'binariesGithubRelease.json'), 'utf8')
  ) as { release: string }
  return name
}

function runs(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What the program prints goes to stderr, because stdout is for the result. */
function run(program: string, flags: readonly string[]): void {
  execFileSync(program, flags, { stdio: ['ignore', process.stderr, process.stderr] })
}
