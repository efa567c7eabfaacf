/** What `haif join` says in networks where it cannot reach the mesh: each time something else. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { encodeInvite } from '#shared/mesh/membership/invite.ts'
import { rootAuthority } from '#shared/mesh/membership/authority.ts'
import { patience } from '../helpers/deadline.ts'
import { decodeRoot } from '../helpers/peers/mesh-root.ts'
import { Lab, noLab } from './lab/lab.ts'
import { newMesh, startHome } from './lab/pair.ts'

const SAID_MS_MAX = 5000
const HOUR_MS = 3_600_000
const IS_SOAK = process.env['HAIF_SOAK'] !== undefined
const why = noLab()

describe('a machine that tries to join says', { skip: why ?? false }, () => {
  let lab: Lab
  before(async () => {
    lab = await Lab.start({
      away: 'random',
      mobile: 'random',
      office: 'cone',
      strict: 'noudp',
      cut: 'off',
      six: 'v6'
    })
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  function topicKeyOf(root: string): string {
    const { secret, reach, bootstrap } = decodeRoot(root)
    return encodeInvite({
      meshKey: rootAuthority(secret).mesh,
      secret: randomBytes(16),
      roles: ['worker'],
      name: '',
      expiresAt: Date.now() + HOUR_MS,
      usesMax: 1,
      approve: false,
      reach,
      bootstrap: bootstrap.slice(0, 3),
      issuers: [],
      relays: [],
      tlsRelays: []
    })
  }

  /** From a site, what is wrong there, and what to do. */
  async function assertSays(siteName: string, sentence: RegExp, root = newMesh(lab)) {
    const joining = lab.haif(siteName, ['join', topicKeyOf(root)])
    const { match, afterMs } = await joining.says(/^(?!T ).*Still trying …$/m)
    await joining.stop()
    process.stdout.write(`# after ${Math.round(afterMs)} ms: ${match[0]}\n`)
    assert.match(match[0], sentence)
    const msMax = IS_SOAK ? SAID_MS_MAX : patience(SAID_MS_MAX)
    assert.ok(afterMs < msMax, `after ${afterMs} ms`)
  }

  test('that its network blocks UDP', () =>
    assertSays('strict', /lets no UDP through .TCP works.*use another network.*--relay/))

  test('that it has IPv6 only', () => assertSays('six', /IPv6 only.*switch IPv4 on.*--relay/))

  test('that there is no internet', () =>
    assertSays('cut', /nothing on the internet answers.*check this machine's connection/))

  test('that the mesh is off', () => assertSays('office', /the mesh is off; start "haif up/))

  test('that both networks give random ports and no relay is there', async () => {
    const root = newMesh(lab)
    const home = await startHome(lab, 'away', root)
    await assertSays('mobile', /both give every connection a random port.*run "haif relay"/, root)
    await home.kill()
  })
})
