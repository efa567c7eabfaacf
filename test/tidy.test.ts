/** The rules of the house (docs/decisions/0007-rooms.md), kept by reading every file of it. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { allFiles, circles, sourcesOf, type Import } from './helpers/sources.ts'

const FILES_MAX = 20
const FUNCTION_LINES_MAX = 80
const CREATE_LINES_MAX = 60
const COLUMNS_MAX = 100

const files = allFiles()
const sources = sourcesOf(files)
const imports = sources.flatMap((source) => source.imports())
const isProduction = (file: string) => !file.startsWith('test/')
const serviceOf = (path: string) => /^services\/([^/]+)\//.exec(path)?.[1]
const sharedAreaOf = (path: string) => /^shared\/([^/]+)/.exec(path)?.[1]

function assertImports(isAllowed: (edge: Import) => boolean): void {
  const broken = imports.filter((edge) => !isAllowed(edge))
  assert.deepEqual(
    broken.map(({ from, to }) => `${from} imports ${to}`),
    []
  )
}

function assertNoCircles(edges: readonly (readonly [string, string])[]): void {
  const graph = new Map<string, Set<string>>()
  for (const [from, to] of edges) {
    if (from !== to) graph.set(from, (graph.get(from) ?? new Set()).add(to))
  }
  assert.deepEqual(circles(graph), [])
}

test('every import of our own files names the extension', () => {
  assertImports(({ to }) => /\.(ts|tsx|mjs|json|css)$/.test(to))
})

test('shared/ imports only shared/', () => {
  assertImports(
    ({ from, to }) =>
      !from.startsWith('shared/') || to.startsWith('shared/') || to === 'package.json'
  )
})

test('a service imports itself, shared/ and packages, never another service or the command line', () => {
  assertImports(({ from, to }) => {
    const service = serviceOf(from)
    return service === undefined || to.startsWith('shared/') || serviceOf(to) === service
  })
})

test('the base of shared/ knows no inference, no tenant and no HTTP surface', () => {
  const base = new Set(['rpc', 'mesh', 'store', 'telemetry', 'process', 'kit'])
  const business = /^shared\/(inference|contracts\/(inference|access|http))\//
  assertImports(({ from, to }) => !base.has(sharedAreaOf(from) ?? '') || !business.test(to))
})

test('the base of shared/ treats no role in its own way', () => {
  const role = /[!=]==\s*'(gateway|orchestrator|registry|worker|bridge|client)'/
  const offenders = sources.filter(
    ({ file, text }) =>
      ['rpc', 'mesh', 'store', 'telemetry', 'process', 'kit'].includes(sharedAreaOf(file) ?? '') &&
      role.test(text)
  )
  assert.deepEqual(
    offenders.map(({ file }) => file),
    []
  )
})

test('the two processes of the llama engine meet only in their messages', () => {
  const engine = 'services/worker/engines/llama/'
  assertImports(({ from, to }) => {
    const between = (a: string, b: string) =>
      from.startsWith(engine + a) && to.startsWith(engine + b)
    return !between('parent/', 'child/') && !between('child/', 'parent/')
  })
  const native = sources.filter(
    ({ file, text }) => file.startsWith(`${engine}parent/`) && /'node-llama-cpp'/.test(text)
  )
  assert.deepEqual(
    native.map(({ file }) => file),
    []
  )
})

test('the process of a model loads no schemas, which take longer to load than all else of it', () => {
  const schemas = new Set(
    sources.filter(({ text }) => /from 'typebox/.test(text)).map(({ file }) => file)
  )
  const child = sources.filter(({ file }) =>
    file.startsWith('services/worker/engines/llama/child/')
  )
  const loading = child.filter(({ text }) =>
    [...text.matchAll(/^(?:import|export) (?!type)[^']*'#(shared\/[^']+)'/gm)].some(([, file]) =>
      schemas.has(file!)
    )
  )
  assert.deepEqual(
    loading.map(({ file }) => file),
    []
  )
})

test('a worker keeps no state of the mesh, and a page knows only the bodies of HTTP', () => {
  assertImports(({ from, to }) => serviceOf(from) !== 'worker' || !to.startsWith('shared/store/'))
  assertImports(({ from, to }) => {
    if (!from.startsWith('web/')) return true
    return to.startsWith('web/') || /^shared\/(contracts\/http|kit)\//.test(to)
  })
  assertImports(({ from, to }) => !from.startsWith('web/ui/') || !to.startsWith('web/chat/'))
})

test('nothing that runs imports a tool or a test', () => {
  assertImports(
    ({ from, to }) =>
      !/^(cli|services|shared|web|examples)\//.test(from) || !/^(tools|test)\//.test(to)
  )
})

test('no imports go in a circle, by types either', () => {
  assertNoCircles(imports.map(({ from, to }) => [from, to] as const))
})

test('the areas of shared/ do not go in a circle', () => {
  const edges = imports.flatMap(({ from, to }) => {
    const [a, b] = [sharedAreaOf(from), sharedAreaOf(to)]
    return a === undefined || b === undefined ? [] : [[a, b] as const]
  })
  assertNoCircles(edges)
})

test('inside a service only main.ts reads a setting or handles a signal', () => {
  const offenders = sources.filter(
    ({ file, text }) =>
      serviceOf(file) !== undefined &&
      !file.endsWith('/main.ts') &&
      /process\.env[.[]|process\.(on|once)\(\s*'SIG/.test(text)
  )
  assert.deepEqual(
    offenders.map(({ file }) => file),
    []
  )
})

test(`a folder has at most ${FILES_MAX} files`, () => {
  const counts = new Map<string, number>()
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
  const crowded = [...counts].filter(([, count]) => count > FILES_MAX)
  assert.deepEqual(crowded, [])
})

test(`a function has at most ${FUNCTION_LINES_MAX} lines, one that composes ${CREATE_LINES_MAX}`, () => {
  const long = sources
    .filter(({ file }) => isProduction(file))
    .flatMap((source) =>
      source
        .functions()
        .filter(({ name, lines }) => {
          const max = /^(create|open)[A-Z]/.test(name) ? CREATE_LINES_MAX : FUNCTION_LINES_MAX
          return lines > max
        })
        .map(({ name, lines }) => `${source.file}: ${name} has ${lines} lines`)
    )
  assert.deepEqual(long, [])
})

test(`a line of code has at most ${COLUMNS_MAX} columns`, () => {
  const long = sources.flatMap((source) =>
    source.longLines(COLUMNS_MAX).map((line) => `${source.file}:${line}`)
  )
  assert.deepEqual(long, [])
})

test('every exported name is used in another file', () => {
  const used = new Map<string, Set<string>>()
  for (const { to, names } of imports) {
    const known = used.get(to) ?? new Set<string>()
    used.set(to, known)
    for (const name of names) known.add(name)
  }
  const unused = sources.flatMap((source) => {
    const names = used.get(source.file)
    if (names?.has('*') === true) return []
    return source
      .exports()
      .filter((name) => names?.has(name) !== true)
      .map((name) => `${source.file}: ${name}`)
  })
  assert.deepEqual(unused, [])
})

test('test/ mirrors the tree', () => {
  const folders = new Set<string>()
  for (const file of files) {
    for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) folders.add(folder)
  }
  // Whole meshes, networks, benchmarks and what tests share have no counterpart in the tree.
  const ofTheirOwn = /^test(\/(mesh|nat|bench|compose|helpers)(\/|$)|$)/
  const stray = [...folders].filter(
    (folder) =>
      /^test(\/|$)/.test(folder) && !ofTheirOwn.test(folder) && !folders.has(folder.slice(5))
  )
  assert.deepEqual(stray, [])
})
