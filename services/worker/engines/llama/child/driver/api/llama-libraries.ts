/**
 * Finds and opens the libraries of llama.cpp that `node-llama-cpp` ships, one folder for each kind
 * of device, and proves that they are those whose header is written down here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import koffi from 'koffi'
import type { GpuChoice } from '../../../messages.ts'
import { Devices } from './devices.ts'
import { assertStructs } from './llama-abi.ts'
import { withLog, type OnLog } from './llama-log.ts'
import { bindLlama, LLAMA_RELEASE, type LlamaApi } from './llama-api.ts'

export type Backend = Exclude<GpuChoice, 'auto'>

export interface OpenLlama {
  api: LlamaApi
  devices: Devices
  backend: Backend
}

/** Throws where there is no such library, or one that is not the expected release. */
function openLlama(backend: Backend, onLog: OnLog): OpenLlama {
  if (!['x64', 'arm64'].includes(process.arch)) throw new Error(`there is none for ${process.arch}`)
  const folder = libraryFolder(backend)
  assertRelease(folder)
  const api = bindLlama(koffi.load(libraryIn(folder, 'llama')))
  assertStructs(api)
  const ggml = koffi.load(libraryIn(folder, 'ggml'))
  // The CPU's variant that fits, and the GPU's code where the folder has some.
  const loadAll = ggml.func('void ggml_backend_load_all_from_path(const char *folder)')
  withLog(api, onLog, () => loadAll(folder))
  api.llama_backend_init()
  return { api, devices: new Devices(ggml), backend }
}

/** Opens the libraries of the best device that there is, or of the one that was chosen. */
export function chooseLlama(gpu: GpuChoice, onLog: OnLog): OpenLlama {
  if (gpu !== 'auto') return openLlama(gpu, onLog)
  for (const backend of BACKENDS) {
    if (folderOf(backend) === null || !hasDriver(backend)) continue
    const llama = openLlama(backend, onLog)
    if (backend === false || llama.devices.gpus().length > 0) return llama
  }
  return openLlama(false, onLog)
}

/** The best first. */
const BACKENDS: Backend[] = ['cuda', 'vulkan', 'metal', false]
/** What the maker of a GPU installs; without it the code for the GPU cannot be opened. */
const DRIVERS: Record<string, string[]> = {
  cuda: ['libcuda.so.1', 'nvcuda.dll'],
  vulkan: ['libvulkan.so.1', 'vulkan-1.dll']
}

function hasDriver(backend: Backend): boolean {
  const names = backend === false ? undefined : DRIVERS[backend]
  return names === undefined || names.some(canOpen)
}

function canOpen(name: string): boolean {
  try {
    koffi.load(name)
    return true
  } catch {
    return false
  }
}

function libraryFolder(backend: Backend): string {
  const folder = folderOf(backend)
  if (folder !== null) return folder
  throw new Error(`there is no package of node-llama-cpp with the libraries for ${nameOf(backend)}`)
}

function folderOf(backend: Backend): string | null {
  const name = nameOf(backend)
  const require = createRequire(import.meta.url)
  try {
    const entry = require.resolve(`@node-llama-cpp/${name}`)
    const folder = join(dirname(entry), '..', 'bins', name)
    return existsSync(folder) ? folder : null
  } catch {
    return null
  }
}

/** For example `linux-x64-cuda`, `mac-arm64-metal`, `win-x64`. */
function nameOf(backend: Backend): string {
  const platforms: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' }
  const arch = process.arch === 'arm' ? 'armv7l' : process.arch
  const name = `${platforms[process.platform] ?? process.platform}-${arch}`
  return backend === false ? name : `${name}-${backend}`
}

function assertRelease(folder: string): void {
  const text = readFileSync(join(folder, '_nlcBuildMetadata.json'), 'utf8')
  const release = /"release":\s*"([^"]*)"/.exec(text)?.[1]
  if (release === LLAMA_RELEASE) return
  throw new Error(`the libraries are llama.cpp ${release} and not ${LLAMA_RELEASE}`)
}

/** `libllama.v0.5.0.so`, `libllama.cuda.v0.5.0.so`, `libllama.dylib`, `llama.dll`, … */
function libraryIn(folder: string, name: string): string {
  const pattern = new RegExp(
    `^(lib)?${name}(\\.(cuda|vulkan|metal))?(\\.v[\\d.]+)?\\.(so|dylib|dll)$`
  )
  const file = readdirSync(folder).find((each) => pattern.test(each))
  if (file === undefined) throw new Error(`there is no library ${name} in ${folder}`)
  return join(folder, file)
}
