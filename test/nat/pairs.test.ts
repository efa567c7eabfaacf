/**
 * A worker meets its home through every pair of NATs. The bars of a quiet machine are those of
 * `npm run bench:reach`; here they only must not be missed by far, because others use the cores.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { patience } from '../helpers/deadline.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { Lab, noLab, type Program } from './lab/lab.ts'
import { meet, newMesh, startHome, startRelay } from './lab/pair.ts'

const TLS_PORT = 8443
const why = noLab()

describe('through NATs', { skip: why ?? false }, () => {
  interface Mesh {
    root: string
    relay?: Program
    tlsRelays?: Address[]
  }

  let lab: Lab
  /** A home that keeps its ports, and one of random ports with a relay. */
  let cone: Mesh
  let random: Mesh
  before(async () => {
    lab = await Lab.start({
      home: 'cone',
      office: 'cone',
      mobile: 'random',
      away: 'random',
      strict: 'noudp',
      vps: 'open'
    })
    cone = { root: newMesh(lab) }
    const root = newMesh(lab)
    const relay = await startRelay(lab, 'vps', root, TLS_PORT)
    random = { root, relay, tlsRelays: [{ host: lab.addressOf('vps'), port: TLS_PORT }] }
    await Promise.all([startHome(lab, 'home', cone.root), startHome(lab, 'away', root)])
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  /** A worker meets the home; returns how it is connected to it. */
  async function assertMeets(siteName: string, at: Mesh, msMax: number) {
    const { orchestratorMs, registryMs, links } = await meet(lab, siteName, at.root, at.tlsRelays)
    const tookMs = Math.max(orchestratorMs, registryMs)
    process.stdout.write(`# met after ${Math.round(tookMs)} ms\n`)
    assert.ok(tookMs < patience(msMax), `${tookMs} ms`)
    return links.filter(({ role }) => role !== 'relay')
  }

  test('two that keep their ports meet directly', async () => {
    const links = await assertMeets('office', cone, 1000)
    for (const { path } of links) assert.equal(path, 'direct')
  })

  test('one of random ports is met through a hole that serves every peer of the home', async () => {
    const links = await assertMeets('mobile', cone, 6000)
    for (const { path } of links) assert.equal(path, 'direct')
  })

  test('two of random ports meet through the relay, and know which', async () => {
    const links = await assertMeets('mobile', random, 2000)
    for (const { path, relay } of links) {
      assert.equal(path, 'relayed')
      assert.equal(relay, await random.relay!.ask('relayKey'))
    }
  })

  test('one without UDP is met through the relay over TLS', async () => {
    const links = await assertMeets('strict', random, 3000)
    for (const { path, relay } of links) {
      assert.equal(path, 'relayed')
      assert.equal(relay, await random.relay!.ask('relayKey'))
    }
  })
})
