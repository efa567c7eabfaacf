import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const SETUP = join(import.meta.dirname, '../../../cli/setup')
const SCRIPT = `
  import Type from 'typebox'
  import { Compile } from 'typebox/compile'
  import { Settings } from 'typebox/system'
  const check = Compile(Type.Array(Type.String()))
  Settings.Set({ maxErrors: 3 })
  const urls = ['typebox', 'typebox/system', 'typebox/value'].map(import.meta.resolve)
  console.log(JSON.stringify({ urls, errors: check.Errors([1, 2, 3, 4, 5]).length }))
`

test('typebox comes from its bundle, and its parts know each other', () => {
  execFileSync(process.execPath, [join(SETUP, 'bundle-packages.mjs')])
  const hooks = join(SETUP, 'use-bundles.mjs')
  const args = ['--import', hooks, '--input-type=module', '-e', SCRIPT]
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' })
  const { urls, errors } = JSON.parse(printed) as { urls: string[]; errors: number }
  for (const url of urls) assert.match(url, /\.cache\/haif\/typebox-[\d.]+\/\w+\.mjs$/)
  assert.equal(errors, 3)
})
