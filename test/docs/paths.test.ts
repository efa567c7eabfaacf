/** What documents and comments point at: files and folders of the repository, and headings. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const IS_ELSEWHERE = (name: string) => name === 'node_modules' || name === '.git'
const TREE = new Set(globSync('**/*', { cwd: root, exclude: IS_ELSEWHERE }))
const FOLDERS = 'cli|docker|docs|examples|observability|services|shared|test|tools|web'

const pages = [
  ...globSync('{*.md,docs/**/*.md,examples/**/*.md,tools/**/*.md,shared/**/*.md}', { cwd: root }),
  ...globSync('services/**/*.md', { cwd: root })
].filter((page) => page !== 'CHANGELOG.md' && !page.includes('node_modules')) // it names what was

test('every relative link of a document leads to a file, and to a heading of it', () => {
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !leadsSomewhere(page, target))
      .map((target) => `${page}: ${target}`)
  )
  assert.deepEqual(broken, [])
})

test('every path that a document names in code exists', () => {
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/`([^`\s]+)`/g)]
      .map(([, code]) => code!)
      .filter((code) => isPath(code) && !isThere(code))
      .map((code) => `${page}: ${code}`)
  )
  assert.deepEqual(broken, [])
})

test('every path from the root exists that a diagram, a recipe, a setting or a comment names', () => {
  const rest = '{.ci/*,.env.example,*.yml,Dockerfile,docker/*,docs/**/*.puml,observability/**/*}'
  const code =
    '{cli,services,shared,web,examples,tools,test,docs}/**/*.{ts,tsx,mjs,py,sql,css,html}'
  const files = [...globSync(rest, { cwd: root }), ...globSync(code, { cwd: root })]
  const mention = new RegExp(
    `(?<![\\w./@-])(?:${FOLDERS})/[\\w./*-]*\\w\\.(?:ts|tsx|mjs|md|py)\\b`,
    'g'
  )
  const broken = files
    .filter((file) => /\.\w+$|Dockerfile|run$/.test(file) && !file.includes('node_modules'))
    .flatMap((file) =>
      [...read(file).matchAll(mention)]
        .filter(([named]) => !isThere(named))
        .map(([named]) => `${file}: ${named}`)
    )
  assert.deepEqual(broken, [])
})

test('the tree in docs/architecture.md has the rooms that there are, and no other', () => {
  const [tree] = /^cli\/ [\s\S]*?^```/m.exec(read('docs/architecture.md'))!
  const named = [...tree.matchAll(/(?<![\w/])([a-z][\w-]*(?:\/[\w-]+)*)\/(?=[\s({,)]|$)/gm)]
  const names = new Set(named.map(([, name]) => name!))
  for (const name of names) assert.ok(isThere(name), `there is no room ${name}`)
  const rooms = globSync('{cli,services,services/*,shared,web,tools}/*/', { cwd: root })
    .map((path) => path.replace(/\/$/, ''))
    .filter((path) => statSync(join(root, path)).isDirectory())
  const isNamed = (room: string) =>
    [...names].some((name) => room === name || room.endsWith(`/${name}`))
  assert.deepEqual(
    rooms.filter((room) => !isNamed(room)),
    []
  )
})

function leadsSomewhere(page: string, target: string): boolean {
  const [path, heading] = target.split('#')
  const file = path === '' ? page : join(dirname(page), path!)
  if (!existsSync(join(root, file))) return false
  return heading === undefined || headingsOf(file).includes(heading)
}

/** The anchors that GitHub makes of headings. */
function headingsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
    text!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  )
}

/** A path from the root, or the end of the path of a source file: `requests/attempt.ts`. */
const isPath = (code: string) =>
  new RegExp(`^(?:${FOLDERS})/`).test(code) || /^[\w][\w./-]*\.(?:ts|tsx|mjs|sql|puml)$/.test(code)

function isThere(path: string): boolean {
  if (/[*{]/.test(path)) return globSync(path, { cwd: root }).length > 0
  const plain = path.replace(/\/$/, '')
  return existsSync(join(root, plain)) || isMade(plain) || TREE_ENDS(plain)
}

const TREE_ENDS = (path: string) => [...TREE].some((file) => file.endsWith(`/${path}`))

/** What git ignores is made by a build. */
const isMade = (path: string) =>
  read('.gitignore')
    .split('\n')
    .filter((line) => line.length > 1)
    .some((line) => path.startsWith(line.replace(/^\/|\/$/g, '')))
