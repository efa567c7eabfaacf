/**
 * `npm test [file…]`: all tests, and lint among them. A file that is named has a process of its
 * own; otherwise many share one (helpers/run/groups.ts). What takes long or mostly waits comes
 * first, so that no core stands idle at the end.
 */
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { findBrowser, installBrowser } from './helpers/browser/browser.ts'
import { groupsOf, writeGroups, type TestGroup } from './helpers/run/groups.ts'

const ROOT = join(import.meta.dirname, '..')
const GROUPS = join(ROOT, 'node_modules/.cache/haif/groups')
const FIRST = [
  'test/lint.test.ts',
  'test/services/http-bridge',
  'test/web/',
  'test/mesh/',
  'test/cli/'
]
/** Two more than cores, because many tests wait for a while for others to be dead. */
const CONCURRENCY = Math.min(availableParallelism() + 2, 6)
/** Only for a test that hangs: the longest ones take minutes beside other work. */
const TEST_MS_MAX = 900_000

/** The place of a file in the run. */
function turn(file: string): number {
  const place = FIRST.findIndex((start) => file.startsWith(start))
  return place < 0 ? FIRST.length : place
}

function inOrder(): TestGroup[] {
  return groupsOf(globSync('test/**/*.test.ts').toSorted()).toSorted(
    (a, b) => turn(a.name) - turn(b.name) || (a.name < b.name ? -1 : 1)
  )
}

process.chdir(ROOT)
if (findBrowser() === null && process.env['HAIF_NO_BROWSER'] !== '1') installBrowser()
// Most of the start of a process is to strip types and compile: 300 modules, hundreds of times.
process.env['NODE_COMPILE_CACHE'] ??= join(ROOT, 'node_modules/.cache/haif')

const given = process.argv.slice(2)
const files = given.length > 0 ? given : writeGroups(ROOT, GROUPS, inOrder())
run({
  files,
  concurrency: CONCURRENCY,
  timeout: TEST_MS_MAX,
  execArgv: ['cli/setup/use-bundles.mjs', 'test/helpers/fixed-seed.ts'].flatMap((file) => [
    '--import',
    join(ROOT, file)
  ])
})
  .on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1
  })
  .compose(spec)
  .pipe(process.stdout)
