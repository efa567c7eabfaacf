/**
 * Opens the library that drives a GPU, only to see whether it can be opened. The package that wraps
 * it passes over a library that misses another one without a word.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { GpuChoice } from '../messages.ts'

const FILES: Partial<Record<NodeJS.Platform, (backend: string) => string>> = {
  linux: (backend) => `libggml-${backend}.so`,
  win32: (backend) => `ggml-${backend}.dll`
}
const SYSTEMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', win32: 'win' }

/** Throws what the system's loader says, which names a library that is missing. */
export async function assertLibraryLoads(gpu: GpuChoice): Promise<void> {
  const nameOf = FILES[process.platform]
  if (nameOf === undefined || gpu === false || gpu === 'auto') return
  const name = `${SYSTEMS[process.platform]}-${process.arch}-${gpu}`
  const folder = await folderOf(name)
  if (folder === null) {
    throw new Error(`the package @node-llama-cpp/${name} is missing: run npm install again`)
  }
  const file = join(folder, name, nameOf(gpu))
  if (existsSync(file)) open(file)
}

async function folderOf(name: string): Promise<string | null> {
  const require = createRequire(createRequire(import.meta.url).resolve('node-llama-cpp'))
  try {
    const main = require.resolve(`@node-llama-cpp/${name}`)
    return join(main.slice(0, main.lastIndexOf(name) + name.length), 'bins')
  } catch {
    return null
  }
}

/** A library that is no module of Node fails to register as one: it has been opened then. */
function open(file: string): void {
  try {
    process.dlopen({ exports: {} }, file)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    if (text.includes('did not self-register')) return
    throw new Error(`${basename(dirname(file))}: ${text}`, { cause: error })
  }
}
