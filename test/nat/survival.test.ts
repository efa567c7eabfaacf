/**
 * A stream of one worker survives what happens to networks and machines: no token is lost or
 * doubled, and the silence is short. HAIF_SOAK=1: every event, half a minute of sleep, and the bars
 * of a quiet machine.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectedText } from '../helpers/checker.ts'
import { patience } from '../helpers/deadline.ts'
import { Lab, noLab, type Program } from './lab/lab.ts'
import { newMesh, startRelay, startServing } from './lab/pair.ts'
import type { SeenStream } from './lab/serving.ts'

const IS_SOAK = process.env['HAIF_SOAK'] !== undefined
const SLEEP_MS = IS_SOAK ? 30_000 : 6000
const SILENCE_MS_MAX = 5000
/** After waking. */
const AWAKE_MS_MAX = 2000
const TOKENS_BEFORE = 15
const TOKENS_AFTER = 15

const why = noLab()
const onlySoak = IS_SOAK ? false : 'takes its time: HAIF_SOAK=1'
const inTime = (ms: number) => (IS_SOAK ? ms : patience(ms))

describe('a stream goes on', { skip: why ?? false }, () => {
  let lab: Lab
  before(async () => {
    lab = await Lab.start({
      home: 'cone',
      office: 'cone',
      cafe: 'cone',
      away: 'random',
      mobile: 'random',
      vps: 'open',
      vps2: 'open'
    })
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  interface Case {
    home: string
    worker: string
    relays?: string[]
    tokensAfter?: number
    /** Resolves to the time from which silence counts; absent: from the last token before it. */
    event: (parts: { home: Program; worker: Program; relays: Program[] }) => Promise<number | void>
  }

  /** The longest silence of a stream to which something happens. */
  async function silence(it: Case) {
    const { home: at, worker: from, relays: where = [], tokensAfter = TOKENS_AFTER, event } = it
    const root = newMesh(lab)
    const relays = await Promise.all(where.map((site) => startRelay(lab, site, root)))
    const home = await startServing(lab, at, { root, part: 'home' })
    const worker = await startServing(lab, from, { root, part: 'worker', tokensPerSecond: 10 })
    const programs = [...relays, home, worker]
    try {
      await home.ask('ready')
      const prompt = `what happens at ${from}`
      const tokens = TOKENS_BEFORE + tokensAfter
      await home.ask('stream', { prompt, tokens })
      await home.ask('tokens', TOKENS_BEFORE)
      const since = await event({ home, worker, relays })
      const { text, arrivedAt } = await home.ask<SeenStream>('end')
      assert.equal(text, expectedText(prompt, tokens))
      assert.equal(arrivedAt.length, tokens)
      const times = since === undefined ? arrivedAt : [since, ...arrivedAt.filter((t) => t > since)]
      return Math.max(...times.slice(1).map((time, i) => time - times[i]!))
    } finally {
      await Promise.all(programs.map((program) => program.kill()))
    }
  }

  async function assertSilence(it: Case, msMax: number) {
    const ms = await silence(it)
    process.stdout.write(`# silent for ${ms} ms\n`)
    assert.ok(ms <= inTime(msMax), `silent for ${ms} ms`)
  }

  test('when the public address of the worker changes', () =>
    assertSilence(
      { home: 'home', worker: 'office', event: async () => lab.readdress('office') },
      SILENCE_MS_MAX
    ))

  test('when the machine of the worker has slept', () =>
    assertSilence(
      {
        home: 'home',
        worker: 'office',
        // The simulated model does not notice its sleep: what it owes comes at once.
        tokensAfter: SLEEP_MS / 100 + TOKENS_AFTER,
        event: async ({ worker }) => {
          worker.signal('SIGSTOP')
          await sleep(SLEEP_MS)
          worker.signal('SIGCONT')
          return Date.now()
        }
      },
      AWAKE_MS_MAX
    ))

  test('when the public address of the home changes', { skip: onlySoak }, () =>
    assertSilence(
      { home: 'home', worker: 'office', event: async () => lab.readdress('home') },
      SILENCE_MS_MAX
    )
  )

  test('when the relay between them ends, beside another one', { skip: onlySoak }, () =>
    assertSilence(
      {
        home: 'away',
        worker: 'mobile',
        relays: ['vps', 'vps2'],
        event: async ({ worker, relays }) => {
          const used = await worker.ask<(string | null)[]>('relays', 'orchestrator')
          for (const relay of relays) {
            if (used.includes(await relay.ask('relayKey'))) await relay.kill()
          }
        }
      },
      SILENCE_MS_MAX
    )
  )

  test('when the machine of the worker moves to another network', { skip: onlySoak }, () =>
    assertSilence(
      { home: 'home', worker: 'office', event: async () => lab.move('office', 'cafe') },
      SILENCE_MS_MAX
    )
  )
})
