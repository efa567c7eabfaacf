/**
 * Tokens, usage and audit as the owner of a machine uses them: `haif up` and the commands beside
 * it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runHaif, startHaif, temporaryHome, type HaifResult } from '../../helpers/cli.ts'
import { patience } from '../../helpers/deadline.ts'
import { openStore } from '../../helpers/stores/stores.ts'
import { until } from '../../helpers/until.ts'

/** Twenty commands, one after the other. */
const UP_MS_MAX = 120_000

interface Created {
  secret: string
  token: { id: string; tenant: string; scopes: string[]; limits: object; expiresAt?: number }
}

test('tokens are made, rotated and revoked; usage and audit tell of it', async (t) => {
  const home = temporaryHome(t)
  const env = { HAIF_HOME: home }
  const args = ['up', '--port', '0', '--model', 'sim?decode=1000']
  const up = startHaif(t, args, { env, runMsMax: patience(UP_MS_MAX) })
  await up.says('ready http://')
  const url = /ready (http:\S+)/.exec(up.output.stdout)![1]!
  const haif = (...args: string[]) => runHaif(t, args, { env })
  const good = ({ code, stdout, stderr }: HaifResult) => {
    assert.equal(code, 0, stderr)
    return stdout
  }
  const parsed = async <Value>(...args: string[]) =>
    JSON.parse(good(await haif(...args, '--json'))) as Value
  const infer = async (token?: string) => {
    const response = await fetch(`${url}/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      body: JSON.stringify({ model: 'sim', prompt: 'hi', max_tokens: 7 })
    })
    await response.text()
    return response.status
  }

  assert.equal(await infer(), 200) // nobody needs a token yet
  const limits = ['--rpm', '60', '--tpm', '100k', '--budget', '1M/day', '--expires', '30d']
  const made = await haif('token', 'create', '--tenant', 'acme', '--name', 'phone', ...limits)
  const secret = good(made).trim()
  assert.match(secret, /^haif_user_[0-9a-f]{16}_\S+$/)
  assert.match(made.stderr, /of tenant acme: infer; .*60 requests\/min.*; expires /)
  assert.match(made.stderr, /^This is the first token of the mesh\. From then on, and for good, /)
  assert.deepEqual([await infer(), await infer(secret), await infer(`${secret}x`)], [401, 200, 401])
  const other = await haif('token', 'create', '--tenant', 'Amce', '--name', 'typo')
  assert.match(other.stderr, /^Amce is a new tenant without limits; there is acme already\ntoken /)
  const listed = good(await haif('token', 'ls'))
  assert.match(listed, /acme +infer +until \S+ \S+ +phone/)
  assert.ok(!listed.includes(secret))

  const id = secret.split('_')[2]!
  const { secret: rotated, token } = await parsed<Created>('token', 'rotate', id)
  assert.deepEqual(token.limits, {
    requestsPerMinute: 60,
    tokensPerMinute: 100_000,
    tokensPerDay: 1_000_000
  })
  assert.deepEqual([await infer(secret), await infer(rotated)], [401, 200])
  // The owner of the machine is its operator, and needs to name no token.
  assert.equal((await haif('infer', 'hello', '--max-tokens', '3')).code, 0)

  const usageOf = async () => {
    const asked = ['usage', '--by', 'token', '--tenant', 'acme']
    const { rows } = await parsed<{ rows: { key: string; completionTokens: number }[] }>(...asked)
    return Object.fromEntries(rows.map(({ key, completionTokens }) => [key, completionTokens]))
  }
  await until(async () => Object.keys(await usageOf()).length === 2)
  assert.deepEqual(await usageOf(), { [id]: 7, [token.id]: 7 })
  assert.match(good(await haif('usage', '--by', 'tenant')), /^acme +█+░* +\d+/m)

  assert.match(good(await haif('token', 'revoke', token.id)), /is refused from now on/)
  assert.equal(await infer(rotated), 401)
  const { events } = await parsed<{ events: { action: string; chain: string }[] }>('audit')
  const ofAcme = events.filter(({ chain }) => chain === 'acme').map(({ action }) => action)
  assert.deepEqual(ofAcme, ['token.revoke', 'token.rotate', 'token.create', 'tenant.create'])
  assert.match(good(await haif('audit')), /token\.create .* by this machine's operator key$/m)
  assert.match(good(await haif('audit', 'verify')), /^\d+ events in 3 chains are whole and signed/)

  await operateMembers(t, url, good(await haif('token', 'create', '--scope', 'operator')).trim())

  const store = await openStore(t, readFileSync(join(home, 'state', 'url'), 'utf8'))
  await store.query("update audit_events set actor = 'nobody' where chain = 'acme' and seq = 2")
  const damaged = await haif('audit', 'verify')
  assert.deepEqual([damaged.code, damaged.stdout.startsWith('acme: event 2 ')], [1, true])
})

/** A machine is invited, let in, renamed and removed, and the mesh gets a new epoch, over HTTP. */
async function operateMembers(t: TestContext, url: string, token: string): Promise<void> {
  const ask = async <Body>(route: string, body?: object): Promise<Body> => {
    const [method = '', path = ''] = route.split(' ')
    const authorization = `Bearer ${token}`
    const json = { headers: { authorization, 'content-type': 'application/json' } }
    const sent =
      body === undefined ? { headers: { authorization } } : { ...json, body: JSON.stringify(body) }
    const response = await fetch(`${url}/v1/admin/${path}`, { method, ...sent })
    assert.ok(response.ok, `${route}: ${response.status} ${await response.clone().text()}`)
    return (await response.json()) as Body
  }
  type Invite = { topic_key: string; invite: { id: string } }
  const idsOf = async () =>
    (await ask<{ invites: { id: string }[] }>('GET invites')).invites.map(({ id }) => id)
  const once = { roles: ['worker'], expires_in_ms: 600_000, uses_max: 1 }
  const spare = await ask<Invite>('POST invites', once)
  assert.ok((await idsOf()).includes(spare.invite.id))
  await ask(`DELETE invites/${spare.invite.id}`)
  assert.ok(!(await idsOf()).includes(spare.invite.id))

  const wish = { ...once, name: 'guest', approve: true }
  const { topic_key: topicKey } = await ask<Invite>('POST invites', wish)
  const guest = startHaif(t, ['join', topicKey, '--model', 'guest=sim'])
  await guest.says('has to approve this machine')
  await ask('POST members/guest/approve')
  await guest.says('joined:')
  const workers = async () =>
    (await ask<{ workers: { name?: string }[] }>('GET workers?model=guest')).workers
  await until(async () => (await workers()).length === 1)
  await ask('POST workers/guest/rename', { name: 'lab' })
  await until(async () => (await workers())[0]?.name === 'lab')
  await ask('POST members/lab/rename', { name: 'cellar' })
  await until(async () => (await workers())[0]?.name === 'cellar')
  const { epoch } = await ask<{ epoch: number }>('POST mesh/rotate')
  const again = await ask<{ epoch: number }>('POST mesh/rotate')
  assert.equal(again.epoch, epoch + 1)
  assert.equal((await workers()).length, 1, 'whoever is in the mesh stays')
  await ask('POST workers/cellar/remove')
  assert.match((await guest.result).stderr, /this machine was removed from the mesh/)
  await until(async () => (await workers()).length === 0)
}

test('what a token command cannot do is said in a sentence', async (t) => {
  const env = { HAIF_HOME: temporaryHome(t) }
  const wrong = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHaif(t, args, { env })
    assert.deepEqual([code, stdout], [2, ''])
    return stderr
  }
  const create = ['token', 'create']
  assert.match(await wrong(...create, '--rpm', 'many'), /whole number, as 60, 20k or 1\.5M/)
  assert.match(await wrong(...create, '--scope', 'infer,root'), /observer or tenant:<id>/)
  assert.match(await wrong(...create, '--budget', '1M'), /1M\/day or 20M\/month/)
  assert.match(await wrong('usage', '--from', 'someday'), /a date such as/)
  assert.match(await wrong(...create), /knows no mesh yet: start one with "haif up"/)
})
