/**
 * Test files that share a process. A process costs a second of CPU before its first test where it
 * loads a mesh and compiles its schemas, and there are hundreds of files: alone they took a third
 * of the run. In a group each file is a test by its name, with its own hooks, loaded in its turn;
 * and left-behind.ts sees that it leaves nothing to the next.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Longer ones would keep one core busy at the end while the other has nothing to do. */
const FILES_MAX = 24

/**
 * These start processes of their own or measure this one, so company gains nothing or does harm;
 * or are so long that they are better spread over the cores.
 */
const ALONE = [
  'test/lint.test.ts',
  'test/mesh/leaks.test.ts',
  'test/mesh/many-workers.test.ts',
  'test/services/gateway/audit/',
  'test/shared/mesh/connection/local-socket.test.ts',
  'test/tidy.test.ts',
  'test/cli/',
  'test/examples/',
  'test/nat/',
  'test/observability/',
  'test/services/worker/engines/conformance.test.ts',
  'test/services/worker/engines/llama/child/driver/',
  'test/services/worker/engines/llama/child/step-memory.test.ts',
  'test/web/'
]
/** Here most files start models; in the folders below they are pure. */
const MODELS = 'test/services/worker/engines/llama'
/** The same for meshes of several processes, by what they import. */
const STARTS_PROCESSES = /helpers\/(cli|mesh\/(service-process|deployment|worker-process))\.ts/

/** The instruments of a process are made once, and count what all of it does. */
const NEEDS_PROCESS = 'forProcess: true'

export interface TestGroup {
  /** As a path, for its place in the run: `test/shared/kit`. */
  name: string
  files: string[]
}

/** By the folder at the third level, as `test/services/gateway`; a file alone is its own group. */
export function groupsOf(files: readonly string[]): TestGroup[] {
  const folders = Map.groupBy(files, (file) =>
    isAlone(file) ? file : dirname(file).split('/').slice(0, 3).join('/')
  )
  return [...folders].flatMap(([name, all]) => {
    const count = Math.ceil(all.length / FILES_MAX)
    if (count === 1) return { name, files: all }
    const size = Math.ceil(all.length / count)
    return Array.from({ length: count }, (_, i) => ({
      name: `${name}-${i + 1}`,
      files: all.slice(i * size, (i + 1) * size)
    }))
  })
}

function isAlone(file: string): boolean {
  if (dirname(file) === MODELS || ALONE.some((start) => file.startsWith(start))) return true
  const text = readFileSync(file, 'utf8')
  if (text.includes(NEEDS_PROCESS)) return true
  return file.startsWith('test/mesh/') && STARTS_PROCESSES.test(text)
}

/** What node:test runs in place of the files: a program for each group, written into `folder`. */
export function writeGroups(root: string, folder: string, groups: readonly TestGroup[]): string[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const urlOf = (file: string) => JSON.stringify(pathToFileURL(join(root, file)).href)
  return groups.map(({ name, files }) => {
    if (files.length === 1) return files[0]!
    const program = join(folder, `${name.replaceAll('/', '-')}.test.mjs`)
    const imports = ['end-of-process', 'left-behind'].map((one) =>
      urlOf(`test/helpers/run/${one}.ts`)
    )
    writeFileSync(
      program,
      `import { test } from 'node:test'
import ${imports[0]}
import { watchLeftBehind } from ${imports[1]}
${files.map((file) => turnOf(file, urlOf(file))).join('\n')}
`
    )
    return program
  })
}

/** Its tests are subtests; a suite would load all files before the first test of any. */
const turnOf = (file: string, url: string) => `test(${JSON.stringify(file)}, async (t) => {
  const assertNothingLeft = watchLeftBehind()
  await import(${url})
  t.after(assertNothingLeft)
})`
