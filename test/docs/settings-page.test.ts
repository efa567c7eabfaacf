/** docs/settings.md has every setting that the code or the containers read, and no other. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted()

const [ofCode, ofContainers] = read('docs/settings.md').split('## Only for containers')
const named = (text: string) =>
  [...text.matchAll(/^\| `([A-Z][A-Z0-9_]*)` /gm)].map(([, name]) => name!)

test('docs/settings.md has the settings that the code reads', () => {
  const files = globSync('{cli,services,shared}/**/*.{ts,mjs}', { cwd: root })
  assert.deepEqual(named(ofCode!), [...new Set(named(ofCode!))], 'each once')
  assert.deepEqual(sorted(named(ofCode!)), sorted(files.flatMap((file) => settingsIn(read(file)))))
})

test('docs/settings.md has the settings of the containers that no service reads', () => {
  const text = globSync('docker-compose*.yml', { cwd: root }).map(read).join('\n')
  const used = sorted([...text.matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name]) => name!))
  const known = new Set(named(ofCode!))
  assert.deepEqual(
    sorted(named(ofContainers!)),
    used.filter((name) => !known.has(name))
  )
})

test('docs/settings.md has the defaults that stand in the code', () => {
  const files = globSync('{cli,services,shared}/**/*.ts', { cwd: root })
  const defaults = defaultsIn(files.map(read).join('\n'))
  assert.ok(defaults.size >= 12)
  for (const [name, values] of defaults) {
    const [, shown] = new RegExp(`^\\| \`${name}\` +\\| \`?(.*?)\`? +\\|`, 'm').exec(ofCode!)!
    assert.ok(values.has(shown!), `${name}: ${[...values].join(' or ')}, not ${shown}`)
  }
})

/** Literal defaults, by name. A number below its minimum only means that nothing was set. */
function defaultsIn(text: string): Map<string, Set<string>> {
  const defaults = new Map<string, Set<string>>()
  const add = (name: string, value: string) =>
    defaults.set(name, (defaults.get(name) ?? new Set()).add(value))
  const numbers =
    /\breadInteger\(\s*env,\s*'([A-Z][A-Z0-9_]*)',\s*\{\s*default: ([\d_]+),\s*min: ([\d_]+)/g
  for (const [, name, value, min] of text.matchAll(numbers)) {
    const number = Number(value!.replaceAll('_', ''))
    if (number >= Number(min!.replaceAll('_', ''))) add(name!, String(number))
  }
  const words = /\bread(?:String|Choice)\(\s*env,\s*'([A-Z][A-Z0-9_]*)',[^()]*?'([^']+)'\s*\)/g
  for (const [, name, value] of text.matchAll(words)) add(name!, value!)
  return defaults
}

/** `readX(env, 'NAME'` and `env['NAME']`; a secret may also come from the file `NAME_FILE`. */
function settingsIn(text: string): string[] {
  const names = [...text.matchAll(/\b(?:read\w+\(\s*env,\s*|env\[)'([A-Z][A-Z0-9_]*)'/g)]
  const secrets = [...text.matchAll(/\breadSecret\(\s*env,\s*'([A-Z][A-Z0-9_]*)'/g)]
  return [...names.map(([, name]) => name!), ...secrets.map(([, name]) => `${name}_FILE`)]
}
