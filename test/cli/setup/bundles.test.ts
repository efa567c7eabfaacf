import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { useBundles } from '../../../cli/setup/use-bundles.ts'

test('typebox comes from its bundle, and its parts know each other', async () => {
  const setup = join(import.meta.dirname, '../../../cli/setup/bundle-packages.mjs')
  execFileSync(process.execPath, [setup])
  useBundles()
  assert.match(import.meta.resolve('typebox'), /\.cache\/haif\/typebox-[\d.]+\/index\.mjs$/)
  const { default: Type } = await import('typebox')
  const { Compile } = await import('typebox/compile')
  const check = Compile(Type.Object({ name: Type.String({ maxLength: 3 }) }))
  assert.ok(check.Check({ name: 'abc' }))
  assert.deepEqual(
    check.Errors({ name: 'abcd' }).map(({ keyword }) => keyword),
    ['maxLength']
  )
})
