/** A disk that takes seconds to keep what it was given holds up nobody, and is named. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { temporaryHome } from '../../../helpers/cli.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { NO_SLOW_DISK, slowDisk } from '../../../helpers/stores/slow-disk.ts'

const MODULE = join(import.meta.dirname, '../../../../services/gateway/usage/usage-spool.ts')
const CLIENT = join(import.meta.dirname, '../../../../services/gateway/usage/spool-client.ts')
const SYNC_MS = 1500
const HANGING_MS = 6000

/** Appends so many rows, and says how long the slowest one took and what was refused. */
const SCRIPT = `
  import { statSync } from 'node:fs'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { UsageSpool } from ${JSON.stringify(MODULE)}
  const [file, rows] = process.argv.slice(1)
  const spool = new UsageSpool(file, 10_000)
  const sizeAtFirst = statSync(file).size
  const grow = async () => { while (statSync(file).size === sizeAtFirst) await sleep(50) }
  process.on('message', async () => {
    let slowest = 0
    const refused = []
    for (let i = 0; i < Number(rows); i++) {
      const begin = performance.now()
      try { spool.append('row') } catch (error) { refused.push(error.message) }
      slowest = Math.max(slowest, performance.now() - begin)
    }
    if (refused.length === 0) await grow()
    process.send({ slowest, refused, rows: spool.length })
    process.exit()
  })
  process.send('open')
`

/** What a row meets on a disk that hangs, and how long this thread did nothing at most. */
const HANGING_SCRIPT = `
  import { setTimeout as sleep } from 'node:timers/promises'
  import { SpoolClient } from ${JSON.stringify(CLIENT)}
  const spool = new SpoolClient(process.argv[1], 10_000)
  while (!spool.isOpen) await sleep(20)
  const append = () => spool.append('row').then(() => 'kept', (error) => error.message)
  process.on('message', async () => {
    let [stallMs, last] = [0, performance.now()]
    setInterval(() => {
      stallMs = Math.max(stallMs, performance.now() - last)
      last = performance.now()
    }, 20)
    const first = await append()
    const begin = performance.now()
    const second = await append()
    const secondMs = performance.now() - begin
    process.send({ first, second, secondMs, stallMs })
    while ((await append()) !== 'kept') await sleep(100)
    process.send('kept')
  })
  process.send('open')
`

interface Written {
  slowest: number
  refused: string[]
  rows: number
}

async function start(
  t: TestContext,
  script: string,
  rows: number,
  slowness: { writeMs: number; syncMs: number }
) {
  const folder = temporaryHome(t)
  const disk = slowDisk(t, folder, slowness)
  const args = ['--input-type=module', '--eval', script, join(folder, 'u.sqlite'), String(rows)]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], ...disk.env }
  })
  atEnd(t, async () => void child.kill('SIGKILL'))
  await once(child, 'message')
  disk.begin()
  child.send('write')
  return { disk, child }
}

async function write(t: TestContext, rows: number, slowness: { writeMs: number; syncMs: number }) {
  const { child } = await start(t, SCRIPT, rows, slowness)
  const [written] = (await once(child, 'message')) as [Written]
  return written
}

test('rows do not wait until a disk has them', { skip: NO_SLOW_DISK }, async (t) => {
  const { slowest, rows } = await write(t, 1100, { writeMs: 0, syncMs: SYNC_MS })
  assert.equal(rows, 1100)
  assert.ok(slowest < SYNC_MS, `${slowest} ms`)
})

test(
  'a disk that takes a second for each row is not waited for',
  { skip: NO_SLOW_DISK },
  async (t) => {
    const { refused, rows } = await write(t, 4, { writeMs: 300, syncMs: 0 })
    assert.deepEqual([rows, refused], [3, ['each row takes more than half a second']])
  }
)

test('a disk that hangs in a write holds nobody up', { skip: NO_SLOW_DISK }, async (t) => {
  const slowness = { writeMs: HANGING_MS, syncMs: 0 }
  const { disk, child } = await start(t, HANGING_SCRIPT, 0, slowness)
  const [met] = (await once(child, 'message')) as [Record<string, unknown>]
  const { first, second, secondMs, stallMs } = met
  assert.match(String(first), /^it has not answered for/)
  assert.match(String(second), /^it has not answered for/)
  assert.ok(Number(secondMs) < 500, `${String(secondMs)} ms`)
  assert.ok(Number(stallMs) < HANGING_MS / 2, `${String(stallMs)} ms`)
  disk.end()
  await once(child, 'message') // a row is kept again
})
