/** Whole commands, as people run them, on machines of the laboratory. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { decodeInvite } from '#shared/mesh/membership/invite.ts'
import { patience } from '../helpers/deadline.ts'
import { Lab, noLab } from './lab/lab.ts'

/** Three seconds until the home is heard, some to notice the silence and to dial. */
const BACK_MS_MAX = 15_000
const JOIN_MS_MAX = 3000
const TLS_PORT = 8443
const isSoak = process.env['HAIF_SOAK'] !== undefined
const why = isSoak ? noLab() : 'takes its time: HAIF_SOAK=1'
const TOPIC_KEY = /(?<!\w)(haif_\w+)/

describe('commands', { skip: why ?? false }, () => {
  let lab: Lab
  before(async () => {
    lab = await Lab.start({
      home: 'cone',
      office: 'cone',
      away: 'random',
      strict: 'noudp',
      vps: 'open'
    })
    lab.move('office', 'home')
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  test('a worker finds a home on its local network that has got another address', async () => {
    const home = lab.haif('home', ['up', '--lan', '--no-worker'])
    const { match } = await home.says(TOPIC_KEY)
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

  test('a machine without UDP joins through a relay over TLS that its invite names', async () => {
    const nodes = lab.bootstrap
      .slice(0, 3)
      .flatMap((at) => ['--bootstrap', `${at.host}:${at.port}`])
    const home = lab.haif('away', ['up', '--public', '--no-worker', ...nodes])
    await home.says(TOPIC_KEY)
    const invite = async (role: string) => {
      const { match } = await lab.haif('away', ['invite', '--role', role]).says(TOPIC_KEY)
      return match[1]!
    }
    const relay = lab.haif('vps', ['relay', await invite('relay'), '--tls', String(TLS_PORT)])
    await relay.says(/^relaying:/m)
    let topicKey = await invite('worker')
    // The home hears of the relay a moment after the relay has said so.
    while (decodeInvite(topicKey).tlsRelays.length === 0) topicKey = await invite('worker')
    const worker = lab.haif('strict', ['join', topicKey, '--model', 'sim'])
    const { afterMs } = await worker.says(/^joined:/m)
    process.stdout.write(`# joined after ${Math.round(afterMs)} ms\n`)
    assert.ok(afterMs < patience(JOIN_MS_MAX), `${afterMs} ms`)
    for (const command of [worker, relay, home]) await command.stop()
  })
})
