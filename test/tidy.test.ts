/** The rules of the house, kept by walking the imports. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '..')
const files = globSync('{cli,services,shared}/**/*.{ts,mjs}', { cwd: root })
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g

function imports(): { from: string; to: string }[] {
  return files.flatMap((from) => {
    const text = readFileSync(join(root, from), 'utf8')
    return [...text.matchAll(IMPORT)]
      .map(([, to]) => to!)
      .filter((to) => to.startsWith('.') || to.startsWith('#'))
      .map((to) => ({ from, to: resolveImport(from, to) }))
  })
}

function resolveImport(from: string, to: string): string {
  if (to.startsWith('#shared/')) return join('shared', to.slice('#shared/'.length))
  return relative(root, resolve(root, dirname(from), to))
}

const service = (path: string) => /^services\/([^/]+)\//.exec(path)?.[1]
const broken = (rule: (edge: { from: string; to: string }) => boolean) =>
  imports()
    .filter((edge) => !rule(edge))
    .map(({ from, to }) => `${from} imports ${to}`)

test('shared/ imports only shared/', () => {
  const isFine = ({ from, to }: { from: string; to: string }) =>
    !from.startsWith('shared/') || to.startsWith('shared/') || to === 'package.json'
  assert.deepEqual(broken(isFine), [])
})

test('a service imports itself, shared/ and packages, never another service or the command line', () => {
  const isFine = ({ from, to }: { from: string; to: string }) =>
    service(from) === undefined || to.startsWith('shared/') || service(to) === service(from)
  assert.deepEqual(broken(isFine), [])
})

test('inside a service only main.ts reads the environment or handles signals', () => {
  const offenders = files.filter((file) => {
    if (service(file) === undefined || file.endsWith('/main.ts')) return false
    if (file.includes('/builtin-model/')) return false // a recipe, run by hand
    const text = readFileSync(join(root, file), 'utf8')
    return /process\.env\b|process\.(on|once)\(\s*'SIG/.test(text)
  })
  assert.deepEqual(offenders, ALLOWED_OUTSIDE_MAIN)
})

/** Hands the whole environment on to the process of a model, with the GPU it may use. */
const ALLOWED_OUTSIDE_MAIN = ['services/worker/engines/llama/parent/gpu-device.ts']

test('every import of our own files names the extension', () => {
  assert.deepEqual(
    imports()
      .filter(({ to }) => !/\.(ts|mjs|json)$/.test(to))
      .map(({ from, to }) => `${from} imports ${to}`),
    []
  )
})
