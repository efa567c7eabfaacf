/**
 * `npm run bench:reference`: builds llama.cpp's own programs of the revision that HAIF runs on,
 * unless they are built already, and prints where they are. `-- --gpu=cuda` makes the benchmark of
 * batches alone, on the libraries for that kind of GPU.
 */
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildPrograms, knownPrograms, linkBatchedBench, missingTool } from './programs.ts'

const { values } = parseArgs({ options: { gpu: { type: 'string' } } })
const missing = missingTool()
if (values.gpu !== undefined) {
  needs(missing)
  process.stdout.write(`${linkForGpu(values.gpu)}\n`)
} else {
  const known = knownPrograms()
  if (known === null) needs(missing)
  const { release, batchedBench, server } = known ?? buildPrograms()
  process.stdout.write(`llama.cpp ${release}\n${batchedBench}\n${server}\n`)
}

function needs(tool: string | null): void {
  if (tool === null) return
  process.stderr.write(`${tool} is not installed: the programs cannot be built without it\n`)
  process.exit(1)
}

function linkForGpu(gpu: string): string {
  const name = `${process.platform}-${process.arch}-${gpu}`
  const packages = fileURLToPath(new URL('../../node_modules/@node-llama-cpp/', import.meta.url))
  return linkBatchedBench(join(packages, name, 'bins', name), gpu)
}
