/**
 * A worker meets its home through every pair of NATs. The bars of a quiet machine are those of
 * `npm run bench:reach`; here they only must not be missed by far, because others use the cores.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from '../helpers/deadline.ts'
import type { LinkPath } from '#shared/rpc/peer-link.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { Lab, noLab, type Program } from './lab/lab.ts'
import {
  meet,
  newMesh,
  startHome,
  startRelay,
  startServing,
  type RelayingRole
} from './lab/pair.ts'
import type { SeenLink } from './lab/peers.ts'

const TLS_PORT = 8443
/** Over the internet keep-alives are paid for, so a silence is noticed later than on a LAN. */
const GONE_MS_MAX = 10_000
/** The time between two lookups doubles until nothing has happened for some minutes. */
const SETTLED_MS = 60_000
const IDLE_MS = 60_000
const DAY_MS = 86_400_000
const IDLE_BYTES_PER_DAY_MAX = 60e6
/** After its join, and after its way has changed. */
const SHOWN_MS_MAX = 2000
const onlySoak = process.env['HAIF_SOAK'] === undefined ? 'takes its time: HAIF_SOAK=1' : false
const why = noLab()

describe('through NATs', { skip: why ?? false }, () => {
  interface Mesh {
    root: string
    home: Program
    relay?: Program
    tlsRelays?: Address[]
  }

  interface Expected {
    msMax: number
    path: LinkPath
    during?: (worker: Program) => Promise<void>
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
      vps: 'open',
      vps2: 'open'
    })
    const [coneRoot, root] = [newMesh(lab), newMesh(lab)]
    const relay = await startRelay(lab, 'vps', root, TLS_PORT)
    const tlsRelays = [{ host: lab.addressOf('vps'), port: TLS_PORT }]
    cone = { root: coneRoot, home: await startHome(lab, 'home', coneRoot) }
    random = { root, home: await startHome(lab, 'away', root), relay, tlsRelays }
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  /** A worker meets the home, and both ends say that it is by that path. */
  async function assertMeets(siteName: string, at: Mesh, { msMax, path, during }: Expected) {
    const { tlsRelays, home, relay } = at
    const { orchestratorMs, registryMs, links } = await meet(lab, siteName, at.root, {
      tlsRelays,
      async during(worker) {
        await assertSeen(home, worker, path)
        await during?.(worker)
      }
    })
    const tookMs = Math.max(orchestratorMs, registryMs)
    process.stdout.write(`# met after ${Math.round(tookMs)} ms\n`)
    assert.ok(tookMs < patience(msMax), `${tookMs} ms`)
    const relayKey = path === 'relayed' ? await relay!.ask('relayKey') : null
    for (const link of links) {
      if (link.role !== 'relay') assert.deepEqual([link.path, link.relay], [path, relayKey])
    }
  }

  async function assertSeen(home: Program, worker: Program, path: LinkPath) {
    const keys = await worker.ask<string[]>('keys')
    const seen = (await home.ask<SeenLink[]>('links')).filter(({ key }) => keys.includes(key))
    assert.ok(seen.length > 0)
    for (const link of seen) assert.equal(link.path, path)
  }

  test('two that keep their ports meet directly', () =>
    assertMeets('office', cone, { msMax: 1000, path: 'direct' }))

  test('one of random ports is met through a hole that serves every peer of the home', () =>
    assertMeets('mobile', cone, { msMax: 6000, path: 'direct' }))

  test(
    'where only one has random ports, a relay carries until a hole opens',
    { skip: onlySoak },
    () =>
      assertMeets('office', random, {
        msMax: 2000,
        path: 'relayed',
        during: async (worker) => {
          const path = 'direct'
          await worker.ask('path', { keys: await random.home.ask('keys'), path })
          await random.home.ask('path', { keys: await worker.ask('keys'), path })
        }
      })
  )

  test('two of random ports meet through the relay, and one that was killed is soon gone', async () => {
    await assertMeets('mobile', random, { msMax: 2000, path: 'relayed' })
    const killedAt = Date.now()
    const goneAt = await random.home.ask<number>('gone', 'worker')
    process.stdout.write(`# out of view after ${goneAt - killedAt} ms\n`)
    assert.ok(goneAt - killedAt < patience(GONE_MS_MAX), `${goneAt - killedAt} ms`)
  })

  test('one without UDP is met through the relay over TLS', () =>
    assertMeets('strict', random, { msMax: 3000, path: 'relayed' }))

  interface Shown {
    name: string
    skip?: string | false
    home: string
    worker: string
    /** Of the peer that relays. */
    relay?: RelayingRole
    path: LinkPath
    /** What opens a direct way to it, if not time alone; then that is shown. */
    moves?: () => void
  }

  /** In the words of `haif status`, from the moment when the worker had joined. */
  async function assertShown({ home: at, worker: from, relay, path, moves }: Shown) {
    const root = newMesh(lab)
    const programs: Program[] = []
    const start = async (starting: Promise<Program>) => {
      const program = await starting
      programs.push(program)
      return program
    }
    try {
      if (relay !== undefined) await start(startRelay(lab, 'vps2', root, TLS_PORT, relay))
      const tlsRelays = [{ host: lab.addressOf('vps2'), port: TLS_PORT }]
      const home = await start(startServing(lab, at, { root, part: 'home' }))
      const options = { root, part: 'worker', tlsRelays } as const
      const worker = await start(startServing(lab, from, options))
      const shownAt = await home.ask<number>('shows', path)
      const tookMs = shownAt - (await worker.ask<number>('linkedAt', 'orchestrator'))
      process.stdout.write(`# shown ${tookMs} ms after the worker had joined\n`)
      assert.ok(tookMs < patience(SHOWN_MS_MAX), `${tookMs} ms`)
      if (moves === undefined) return
      moves()
      const movedAt = await worker.ask<number>('takes', { role: 'orchestrator', path: 'direct' })
      const lateMs = (await home.ask<number>('shows', 'direct')) - movedAt
      process.stdout.write(`# shown as direct ${lateMs} ms after it was\n`)
      assert.ok(lateMs < patience(SHOWN_MS_MAX), `${lateMs} ms`)
    } finally {
      await Promise.all(programs.map((program) => program.kill()))
    }
  }

  const shown: Shown[] = [
    { name: 'direct', home: 'home', worker: 'office', path: 'direct' },
    {
      name: 'through a gateway that relays',
      home: 'away',
      worker: 'mobile',
      relay: 'gateway',
      path: 'relayed'
    },
    { name: 'punched', home: 'home', worker: 'mobile', path: 'direct', skip: onlySoak },
    {
      name: 'over TLS',
      home: 'home',
      worker: 'strict',
      relay: 'relay',
      path: 'relayed',
      skip: onlySoak
    },
    {
      name: 'through a relay, and direct later',
      home: 'away',
      worker: 'office',
      relay: 'relay',
      path: 'relayed',
      moves: () => {},
      skip: onlySoak
    },
    {
      name: 'over TLS, and direct when UDP is let through',
      home: 'home',
      worker: 'strict',
      relay: 'relay',
      path: 'relayed',
      moves: () => lab.letUdpThrough('strict'),
      skip: onlySoak
    }
  ]
  for (const it of shown) {
    const { name, skip = false } = it
    test(`a worker is shown soon, and how it is reached: ${name}`, { skip }, () => assertShown(it))
  }

  test('a home with an idle worker sends and receives little', { skip: onlySoak }, async () => {
    const root = newMesh(lab)
    const home = await startServing(lab, 'home', { root, part: 'home' })
    const worker = await startServing(lab, 'office', { root, part: 'worker' })
    try {
      await home.ask('shows', 'direct')
      await sleep(SETTLED_MS)
      const before = lab.bytes('home')
      await sleep(IDLE_MS)
      const bytesPerDay = (lab.bytes('home') - before) * (DAY_MS / IDLE_MS)
      process.stdout.write(`# ${(bytesPerDay / 1e6).toFixed(1)} MB a day\n`)
      assert.ok(bytesPerDay <= IDLE_BYTES_PER_DAY_MAX, `${bytesPerDay}`)
    } finally {
      await Promise.all([home.kill(), worker.kill()])
    }
  })

  test('a home that can be reached is met again by who knows it, with no DHT left', async () => {
    const root = newMesh(lab)
    await startHome(lab, 'vps', root, true)
    let acquaintances = ''
    const during = async (worker: Program) => {
      acquaintances = await worker.ask('acquaintances')
    }
    await meet(lab, 'office', root, { during })
    await lab.killDht()
    const { orchestratorMs, registryMs } = await meet(lab, 'office', root, { acquaintances })
    const tookMs = Math.max(orchestratorMs, registryMs)
    process.stdout.write(`# met without the DHT after ${Math.round(tookMs)} ms\n`)
    assert.ok(tookMs < patience(1000), `${tookMs} ms`)
  })
})
