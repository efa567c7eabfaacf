/** The home on a local network gets another address: who has joined finds it again. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { patience } from '../helpers/deadline.ts'
import { Lab, noLab } from './lab/lab.ts'

/** Three seconds until the home is heard, some to notice the silence and to dial. */
const BACK_MS_MAX = 15_000
const isSoak = process.env['HAIF_SOAK'] !== undefined
const why = isSoak ? noLab() : 'takes its time: HAIF_SOAK=1'

describe('on a local network', { skip: why ?? false }, () => {
  let lab: Lab
  before(async () => {
    lab = await Lab.start({ home: 'cone', office: 'cone' })
    lab.move('office', 'home')
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  test('a worker finds a home that has got another address', async () => {
    const home = lab.haif('home', ['up', '--lan', '--no-worker'])
    const { match } = await home.says(/haif join (haif_\w+)/)
    const worker = lab.haif('office', ['join', match[1]!, '--model', 'sim'])
    await worker.says(/^joined:/m)
    const movedAt = performance.now()
    lab.renumber('home')
    await worker.says(/^back in the mesh/m)
    const tookMs = performance.now() - movedAt
    process.stdout.write(`# back after ${Math.round(tookMs)} ms\n`)
    assert.ok(tookMs < patience(BACK_MS_MAX), `${tookMs} ms`)
    await worker.stop()
    await home.stop()
  })
})
