/**
 * What `npm pack` packs, run from a folder that has nothing else. Its dependencies are those of
 * this folder; with HAIF_SOAK=1 npm installs them into an empty prefix.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import ts from 'typescript'
import type * as Client from '#shared/client/haif-client.ts'
import { patience } from '../../helpers/deadline.ts'
import { startProgram, temporaryHome } from '../../helpers/cli.ts'

const ROOT = join(import.meta.dirname, '../../..')
const skip = process.env['HAIF_SOAK'] !== '1' && 'installs a gigabyte: HAIF_SOAK=1'
const INSTALL_MS_MAX = 600_000
/** Nothing of it has been compiled before. */
const READY_MS_MAX = 45_000

/** The package as npm would unpack it. */
function unpacked(t: TestContext): string {
  const folder = join(temporaryHome(t), 'lib/node_modules/haif')
  const list = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8'
  })
  const [{ files }] = JSON.parse(list) as [{ files: { path: string }[] }]
  for (const { path } of files.filter((file) => !file.path.startsWith('dist/'))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    cpSync(join(ROOT, path), join(folder, path))
  }
  const build = join(ROOT, 'cli/setup/build-program.mjs')
  execFileSync(process.execPath, [build, join(folder, 'dist')], { cwd: ROOT })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** Packed and installed as a person does it. */
function installed(t: TestContext): string {
  const prefix = temporaryHome(t)
  const options = { cwd: ROOT, encoding: 'utf8', timeout: patience(INSTALL_MS_MAX) } as const
  execFileSync('npm', ['pack', '--pack-destination', prefix], options)
  const [tarball] = globSync('*.tgz', { cwd: prefix })
  execFileSync('npm', ['install', '-g', '--prefix', prefix, join(prefix, tarball!)], options)
  return join(prefix, 'lib/node_modules/haif')
}

const QUESTION = { prompt: 'What is HAIF?' }

/** Its caches of compiled code are of no use to the next run. */
const start = (t: TestContext, folder: string, args: string[], HAIF_HOME: string) =>
  startProgram(t, join(folder, 'cli/haif.mjs'), args, {
    env: { HAIF_HOME, NODE_DISABLE_COMPILE_CACHE: '1' },
    cwd: '/',
    runMsMax: patience(2 * READY_MS_MAX)
  })

async function answer(url: string, model: string): Promise<string> {
  const reply = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...QUESTION, model })
  })
  return ((await reply.json()) as { output: string }).output
}

async function assertRuns(
  t: TestContext,
  folder: string,
  use: (url: string, key: string) => Promise<void> = async () => {}
): Promise<void> {
  const up = start(t, folder, ['up', '--port', '0'], temporaryHome(t))
  await up.says('ready http://', READY_MS_MAX)
  const url = /ready (http:\S+)/.exec(up.output.stdout)![1]!
  assert.match(up.output.stdout, /^ {2}haif infer "What is HAIF\?"$/m)
  assert.doesNotMatch(up.output.stdout, /npx|npm start/)
  const page = await fetch(`${url}/`, { headers: { accept: 'text/html' } })
  const [, script] = /<script type="module"[^>]* src="\.([^"]+)"/.exec(await page.text())!
  assert.equal((await fetch(`${url}${script}`)).status, 200)
  assert.match(await answer(url, 'haif-tiny'), /machines/)
  const client: unknown = await import(join(folder, 'dist/haif-client.mjs')) // haif/client
  const { output } = await new (client as typeof Client).HaifClient({ url }).infer(QUESTION)
  assert.match(output, /machines/)
  await use(url, /^ {2}haif join (haif_\w+)$/m.exec(up.output.stdout)![1]!)
  up.child.kill('SIGINT')
  assert.equal((await up.result).code, 0)
  assert.equal(up.output.stderr, '')
}

test('a package has no test and no source, and runs a mesh with its page and its model', async (t) => {
  const folder = unpacked(t)
  const names = globSync('**/*', { cwd: folder, exclude: (name) => name === 'node_modules' })
  assert.deepEqual(
    names.filter((name) => /\.tsx?$|(^|\/)test(s|\/|$)/.test(name)),
    []
  )
  assertTyped(folder)
  await assertRuns(t, folder)
})

/** What a program of somebody else is told of `haif/client`, by the package alone. */
const PROGRAM = `import { HaifClient, HaifRequestError } from 'haif/client'
const haif = new HaifClient({ url: 'http://127.0.0.1:8080', token: 'haif_x', retries: 2 })
const { output, usage } = await haif.infer({ prompt: 'Hi', max_tokens: 8, stop: ['x'] })
const tokens: number = output.length + usage.prompt_tokens
const chunks: string[] = []
for await (const text of haif.stream({ messages: [{ role: 'user', content: 'Hi' }] })) chunks.push(text)
const job = await haif.jobEnded(await haif.submitJob({ kind: 'x' }), { signal: AbortSignal.timeout(9) })
const status: string = job.status
const isBusy = (error: unknown) => error instanceof HaifRequestError && error.retryAfterMs !== null
// @ts-expect-error: a number
await haif.infer({ prompt: 'Hi', max_tokens: 'many' })
// @ts-expect-error: no such field
await haif.infer({ prompt: 'Hi', maxTokens: 8 })
// @ts-expect-error: the answer is in output
const text: string = (await haif.infer({ prompt: 'Hi' })).text
export { chunks, isBusy, status, text, tokens }
`

function assertTyped(folder: string): void {
  const app = join(folder, '../../app')
  mkdirSync(join(app, 'node_modules'), { recursive: true })
  symlinkSync(folder, join(app, 'node_modules/haif'))
  writeFileSync(join(app, 'app.mts'), PROGRAM)
  const program = ts.createProgram([join(app, 'app.mts')], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2024,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: []
  })
  const wrong = ts.getPreEmitDiagnostics(program)
  assert.deepEqual(
    wrong.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    []
  )
}

test('installed into an empty prefix it runs, and another machine joins', { skip }, async (t) => {
  const folder = installed(t)
  await assertRuns(t, folder, async (url, key) => {
    const worker = start(t, folder, ['join', key, '--model', 'sim'], temporaryHome(t))
    await worker.says('joined', READY_MS_MAX)
    assert.match(await answer(url, 'sim'), /^\w+ \w+/)
    worker.child.kill('SIGINT')
    assert.equal((await worker.result).code, 0)
  })
})
