import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const SETUP = join(import.meta.dirname, '../../../cli/setup')
const SCRIPT = `
  import Type from 'typebox'
  import { Compile } from 'typebox/compile'
  const check = Compile(Type.Object({ name: Type.String({ maxLength: 3 }) }))
  const errors = check.Errors({ name: 'abcd' }).map(({ keyword }) => keyword)
  console.log(JSON.stringify([import.meta.resolve('typebox'), check.Check({ name: 'a' }), errors]))
`

test('typebox comes from its bundle, and its parts know each other', () => {
  execFileSync(process.execPath, [join(SETUP, 'bundle-packages.mjs')])
  const hooks = join(SETUP, 'use-bundles.mjs')
  const args = ['--import', hooks, '--input-type=module', '-e', SCRIPT]
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' })
  const [url, isValid, errors] = JSON.parse(printed) as [string, boolean, string[]]
  assert.match(url, /\.cache\/haif\/typebox-[\d.]+\/index\.mjs$/)
  assert.deepEqual([isValid, errors], [true, ['maxLength']])
})
