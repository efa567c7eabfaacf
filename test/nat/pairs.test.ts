/**
 * A worker meets its home through every pair of NATs. The bars of a quiet machine are those of
 * `npm run bench:reach`; here they only must not be missed by far, because others use the cores.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { patience } from '../helpers/deadline.ts'
import { Lab, noLab } from './lab/lab.ts'
import { meet, newMesh, startHome, startRelay } from './lab/pair.ts'

const why = noLab()

describe('through NATs', { skip: why ?? false }, () => {
  let lab: Lab
  before(async () => {
    lab = await Lab.start({
      home: 'cone',
      office: 'cone',
      mobile: 'random',
      away: 'random',
      vps: 'open'
    })
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  async function assertMeets(at: { home: string; worker: string; relay: boolean }, msMax: number) {
    const root = newMesh(lab)
    const programs = [
      ...(at.relay ? [await startRelay(lab, 'vps', root)] : []),
      await startHome(lab, at.home, root)
    ]
    const { orchestratorMs, registryMs, links } = await meet(lab, at.worker, root)
    await Promise.all(programs.map((program) => program.kill()))
    const tookMs = Math.max(orchestratorMs, registryMs)
    assert.ok(tookMs < patience(msMax), `${tookMs} ms`)
    return links.filter(({ role }) => role !== 'relay')
  }

  test('two that keep their ports meet directly', async () => {
    const links = await assertMeets({ home: 'home', worker: 'office', relay: false }, 1000)
    for (const { path } of links) assert.equal(path, 'direct')
  })

  test('one of random ports is met through a hole that serves every peer of the home', async () => {
    const links = await assertMeets({ home: 'home', worker: 'mobile', relay: false }, 6000)
    for (const { path } of links) assert.equal(path, 'direct')
  })

  test('two of random ports meet through the relay, and know which', async () => {
    const links = await assertMeets({ home: 'away', worker: 'mobile', relay: true }, 2000)
    for (const { path, relay } of links) {
      assert.equal(path, 'relayed')
      assert.match(relay ?? '', /^[0-9a-f]{64}$/)
    }
  })
})
