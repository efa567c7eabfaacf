/** The spool survives its process, and never has many more rows than its bound. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { UsageSpool } from '../../../../services/gateway/usage/usage-spool.ts'
import { temporaryHome } from '../../../helpers/cli.ts'

const MODULE = join(import.meta.dirname, '../../../../services/gateway/usage/usage-spool.ts')

const fileFor = (t: TestContext) => join(temporaryHome(t), 'state', 'usage.sqlite')

function open(t: TestContext, file: string, rowsMax = 10_000): UsageSpool {
  const spool = new UsageSpool(file, rowsMax)
  t.after(() => {
    if (spool.isOpen) spool.close()
  })
  return spool
}

const rowsOf = (spool: UsageSpool, count = 10) => spool.oldest(count).map(({ row }) => row)

test('a new spool makes its folder and is empty', (t) => {
  const file = fileFor(t)
  const spool = open(t, file)
  assert.ok(existsSync(file))
  assert.equal(spool.length, 0)
  assert.deepEqual(spool.oldest(10), [])
  assert.ok(spool.isOpen)
  spool.close()
  assert.ok(!spool.isOpen)
})

test('the oldest rows come first, and stay until they are removed', (t) => {
  const spool = open(t, fileFor(t))
  for (const row of ['a', 'b', 'c']) assert.equal(spool.append(row), 0)
  assert.deepEqual(rowsOf(spool, 2), ['a', 'b'])
  assert.deepEqual(rowsOf(spool, 2), ['a', 'b'])
  const [first, second] = spool.oldest(2)
  spool.remove(first!.id, second!.id)
  assert.deepEqual(rowsOf(spool), ['c'])
  assert.equal(spool.length, 1)
})

test('removing a batch leaves rows that came while it was written', (t) => {
  const spool = open(t, fileFor(t))
  spool.append('a')
  const [only] = spool.oldest(10)
  spool.append('late')
  spool.remove(only!.id, only!.id)
  assert.deepEqual(rowsOf(spool), ['late'])
  spool.remove(only!.id, only!.id) // again, as another gateway of the machine may have been first
  assert.deepEqual(rowsOf(spool), ['late'])
})

test('a spool that is closed and opened again has its rows, and gives no id twice', (t) => {
  const file = fileFor(t)
  const before = open(t, file)
  before.append('a')
  before.append('b')
  const [, last] = before.oldest(2)
  before.remove(last!.id, last!.id)
  before.close()
  const after = open(t, file)
  assert.deepEqual(rowsOf(after), ['a'])
  after.append('c')
  assert.deepEqual(
    after.oldest(2).map(({ row, id }) => [row, id > last!.id]),
    [
      ['a', false],
      ['c', true] // an id that were given again could remove a row that nobody has stored
    ]
  )
})

test('rows of a process that was killed are kept', (t) => {
  const file = fileFor(t)
  const script = `
    import { UsageSpool } from ${JSON.stringify(MODULE)}
    const spool = new UsageSpool(process.argv[1], 10_000)
    for (let i = 0; i < 1500; i++) spool.append('row ' + i)
    process.kill(process.pid, 'SIGKILL')
  `
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script, file], {
    encoding: 'utf8'
  })
  assert.equal(signal, 'SIGKILL')
  const spool = open(t, file)
  assert.equal(spool.length, 1500)
  assert.deepEqual(rowsOf(spool, 2), ['row 0', 'row 1'])
})

test('a full spool drops its oldest rows, and is over its bound by less than one batch', (t) => {
  const rowsMax = 1500
  const spool = open(t, fileFor(t), rowsMax)
  let dropped = 0
  let longest = 0
  for (let i = 0; i < 6000; i++) {
    dropped += spool.append(`row ${i}`)
    longest = Math.max(longest, spool.length)
  }
  assert.equal(spool.length, rowsMax)
  assert.equal(dropped, 6000 - rowsMax)
  assert.ok(longest < rowsMax + 1000, String(longest))
  assert.deepEqual(rowsOf(spool, 1), [`row ${6000 - rowsMax}`])
})

test('a bound that is not reached drops nothing, and one that is lowered drops at the next look', (t) => {
  const file = fileFor(t)
  const wide = open(t, file, 5000)
  let dropped = 0
  for (let i = 0; i < 1999; i++) dropped += wide.append('row')
  assert.equal(dropped, 0)
  wide.close()
  const narrow = open(t, file, 100)
  assert.equal(narrow.length, 1999)
  assert.equal(narrow.append('last'), 1900)
  assert.equal(narrow.length, 100)
})

test('two gateways of a machine write into one file', (t) => {
  const file = fileFor(t)
  const one = open(t, file)
  const other = open(t, file)
  for (let i = 0; i < 100; i++) (i % 2 === 0 ? one : other).append(String(i))
  const all = Array.from({ length: 100 }, (_, i) => String(i))
  assert.deepEqual(rowsOf(one, 200), all)
  assert.deepEqual(rowsOf(other, 200), all)
})

test('a spool that is closed refuses rows instead of losing them in silence', (t) => {
  const spool = open(t, fileFor(t))
  spool.close()
  assert.throws(() => spool.append('late'), { name: 'Error' })
})
