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
const SYNC_MS = 1500

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

interface Written {
  slowest: number
  refused: string[]
  rows: number
}

async function write(t: TestContext, rows: number, slowness: { writeMs: number; syncMs: number }) {
  const folder = temporaryHome(t)
  const disk = slowDisk(t, folder, slowness)
  const args = ['--input-type=module', '--eval', SCRIPT, join(folder, 'u.sqlite'), String(rows)]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], ...disk.env }
  })
  atEnd(t, async () => void child.kill('SIGKILL'))
  await once(child, 'message')
  disk.begin()
  child.send('write')
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
