/** The parts of the check of the CUDA image that need no Docker. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingLibraries } from './missing-libraries.ts'

const ROOT = join(import.meta.dirname, '../..')
const LIBRARY = join(
  ROOT,
  'node_modules/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda/libggml-cuda.so'
)

test('what ldd did not find is read', () => {
  const text =
    '\tlibggml-base.so => /app/libggml-base.so (0x1)\n\tlibcuda.so.1 => not found\n\tlibcublas.so.13 => not found\n'
  assert.deepEqual(missingLibraries(text), ['libcublas.so.13', 'libcuda.so.1'])
})

test('the image for CUDA holds every library that the engine needs but the driver', (t) => {
  if (!existsSync(LIBRARY)) return t.skip('the engine for CUDA is not installed here')
  const needed = execFileSync('ldd', [LIBRARY], { encoding: 'utf8' })
  const ofCuda = [...needed.matchAll(/lib(?:cuda|cudart|cublas\w*|nv\w+)\.so\.\d+/g)].map(String)
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  const absent = new Set(ofCuda.filter((name) => !dockerfile.includes(`'${name}'`)))
  assert.deepEqual([...absent], ['libcuda.so.1'])
})
