/**
 * `node test/compose/cuda-image.ts`: builds the image for NVIDIA's GPUs and proves, without a GPU,
 * that its engine lacks nothing there but the driver, which the container toolkit brings.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { hasDocker } from './docker.ts'
import { missingLibraries } from './missing-libraries.ts'

const ROOT = join(import.meta.dirname, '../..')
const IMAGE = 'haif:cuda-check'
const LIBRARY =
  '/app/node_modules/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda/libggml-cuda.so'

if (!hasDocker()) {
  console.log('cuda-image: skipped, because no Docker engine answers here')
  process.exit(process.env['CI'] === undefined ? 0 : 1)
}
const docker = (...args: string[]): string =>
  execFileSync('docker', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
docker('build', '--quiet', '--build-arg', 'GPU=cuda', '--tag', IMAGE, '.')
const text = docker('run', '--rm', '--entrypoint', 'ldd', IMAGE, LIBRARY)
assert.deepEqual(missingLibraries(text), ['libcuda.so.1'])
console.log('cuda-image: the engine lacks the driver alone, as it should')
