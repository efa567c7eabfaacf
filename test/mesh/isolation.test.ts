/**
 * Who gets what: every address of the bridge, with every kind of token. A new address without an
 * entry here fails the test, so that nobody forgets to decide who may use it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACTS } from '#shared/contracts/http/admin/acts.ts'
import { createLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { mintToken } from '../../services/gateway/access/token-text.ts'
import { createHttpBridge } from '../../services/http-bridge/http-bridge.ts'
import { startGuardedMesh } from '../helpers/mesh/guarded-mesh.ts'
import { startMesh } from '../helpers/mesh/mesh.ts'
import { atEnd } from '../helpers/peers/peers.ts'

const SECRET_PROMPT = 'the-secret-of-tenant-a'

/** Who may use an address: everybody, or who has one of the scopes. */
type Rule =
  | 'everybody'
  | 'infer'
  | 'jobs'
  | 'worker'
  | 'functions'
  | 'runs'
  | 'metrics'
  | 'observer'
  | 'models:write'
  | 'operator'
  | 'any token'

const chat = { model: 'sim', messages: [{ role: 'user', content: 'hi' }], max_tokens: 2 }
const JOB = `/v1/jobs/job-${'0'.repeat(32)}`
const RUN = JOB.replace('jobs', 'runs')
const SPL_RUN = JOB.replace('/v1/jobs', '/spl/remote-runs')
const seal = { publisher: '0'.repeat(64), signature: '0'.repeat(128) }
const job = { type: 'inference', input: { prompt: 'hi' } }
interface Decided {
  rule: Rule
  body?: object
  path?: string
  /** A registry with the root of its mesh answers it; here only refusals are seen. */
  isElsewhere?: true
}

const RULES: Record<string, Decided> = {
  'GET /': { rule: 'everybody' },
  // Of the pages, where they are built.
  'GET /assets/:name': { rule: 'everybody' },
  'GET /favicon.svg': { rule: 'everybody' },
  'GET /theme.js': { rule: 'everybody' },
  // The console itself has no secrets; what it shows it has to ask for.
  'GET /console': { rule: 'everybody' },
  'GET /console/assets/:name': { rule: 'everybody' },
  'GET /console/favicon.svg': { rule: 'everybody' },
  'GET /console/theme.js': { rule: 'everybody' },
  // So has the description of the API.
  'GET /docs': { rule: 'everybody' },
  'GET /docs/assets/:name': { rule: 'everybody' },
  'GET /docs/favicon.svg': { rule: 'everybody' },
  'GET /docs/theme.js': { rule: 'everybody' },
  'GET /health': { rule: 'everybody' },
  'GET /healthz': { rule: 'everybody' },
  'GET /readyz': { rule: 'everybody' },
  'GET /openapi.json': { rule: 'everybody' },
  'GET /metrics': { rule: 'metrics' },
  'POST /infer': { rule: 'infer', body: { prompt: 'hi', max_tokens: 2 } },
  'GET /v1/models': { rule: 'infer' },
  'GET /v1/models/:id': { rule: 'infer', path: '/v1/models/sim' },
  'GET /v1/models/*': { rule: 'infer', path: '/v1/models/a/b' },
  'POST /v1/chat/completions': { rule: 'infer', body: chat },
  'POST /v1/completions': { rule: 'infer', body: { model: 'sim', prompt: 'hi', max_tokens: 2 } },
  'POST /v1/embeddings': { rule: 'infer', body: { model: 'vectors', input: 'hi' } },
  'POST /v1/rerank': { rule: 'infer', body: { model: 'vectors', query: 'hi', documents: ['a'] } },
  // They tell that it cannot be done.
  'POST /v1/audio/speech': { rule: 'everybody' },
  'POST /v1/audio/transcriptions': { rule: 'everybody' },
  'POST /v1/audio/translations': { rule: 'everybody' },
  'POST /v1/images/generations': { rule: 'everybody' },
  'POST /v1/images/edits': { rule: 'everybody' },
  'POST /v1/images/variations': { rule: 'everybody' },
  'POST /v1/moderations': { rule: 'everybody' },
  'POST /v1/responses': {
    rule: 'infer',
    body: { model: 'sim', input: 'hi', max_output_tokens: 16 }
  },
  'GET /v1/responses/:id': { rule: 'infer' },
  'DELETE /v1/responses/:id': { rule: 'infer' },
  'POST /v1/responses/:id/cancel': { rule: 'infer' },
  'GET /v1/responses/:id/input_items': { rule: 'infer' },
  'POST /v1/messages': { rule: 'infer', body: chat },
  'POST /v1/messages/count_tokens': { rule: 'infer', body: chat },
  'POST /api/chat': { rule: 'infer', body: chat },
  'POST /api/generate': { rule: 'infer', body: { model: 'sim', prompt: 'hi' } },
  'POST /api/embed': { rule: 'infer', body: { model: 'vectors', input: 'hi' } },
  'POST /api/embeddings': { rule: 'infer', body: { model: 'vectors', prompt: 'hi' } },
  'GET /api/tags': { rule: 'infer' },
  'GET /api/ps': { rule: 'infer' },
  'POST /api/show': { rule: 'infer', body: { model: 'sim' } },
  'POST /api/pull': { rule: 'infer', body: { model: 'sim' } },
  // They tell a version, or that it cannot be done.
  'GET /api/version': { rule: 'everybody' },
  'DELETE /api/delete': { rule: 'everybody' },
  'POST /api/create': { rule: 'everybody' },
  'POST /api/copy': { rule: 'everybody' },
  'POST /api/push': { rule: 'everybody' },
  'POST /v1/jobs': { rule: 'jobs', body: job },
  'GET /v1/jobs': { rule: 'jobs' },
  'GET /v1/jobs/:id': { rule: 'runs', path: JOB },
  'GET /v1/jobs/:id/tasks': { rule: 'runs', path: `${JOB}/tasks` },
  'DELETE /v1/jobs/:id': { rule: 'runs', path: JOB },
  'POST /v1/jobs/:id/archive': { rule: 'jobs', path: `${JOB}/archive` },
  'POST /v1/jobs/:id/resume': { rule: 'runs', path: `${JOB}/resume` },
  'GET /v1/jobs/:id/stream': { rule: 'runs', path: `${JOB}/stream` },
  'GET /v1/jobs/:id/artifacts/:task/:name': { rule: 'runs', path: `${JOB}/artifacts/t1/a` },
  ...Object.fromEntries(
    ['/v1', '/v1/scheduler'].flatMap((prefix) => [
      [`POST ${prefix}/workers/register`, { rule: 'worker', body: { worker_id: 'w' } }],
      [`POST ${prefix}/workers/:id/heartbeat`, { rule: 'worker', body: {} }],
      [`GET ${prefix}/workers/:id/assignments`, { rule: 'worker' }],
      [
        `POST ${prefix}/tasks/report`,
        {
          rule: 'worker',
          body: { worker_id: 'w', job_id: JOB.slice(9), task_id: 't', status: 'Running' }
        }
      ]
    ])
  ),
  'POST /v1/planner/compile': { rule: 'jobs', body: job },
  'POST /v1/objects': {
    rule: 'functions',
    isElsewhere: true,
    body: { name: 'f', bundle: '{}', seal }
  },
  'GET /v1/objects': { rule: 'functions', isElsewhere: true },
  'GET /v1/objects/*': { rule: 'functions', isElsewhere: true, path: '/v1/objects/a/b/c' },
  'GET /v1/libraries': { rule: 'functions', isElsewhere: true },
  'POST /v1/libraries': { rule: 'functions', isElsewhere: true, body: { library: 'l' } },
  'POST /v1/libraries/grants': {
    rule: 'functions',
    isElsewhere: true,
    body: { library: 'l', to: 'a', scopes: [] }
  },
  'POST /v1/runs': { rule: 'functions', isElsewhere: true, body: { object: 'f' } },
  'POST /v1/call/*': { rule: 'functions', isElsewhere: true, path: '/v1/call/f', body: {} },
  'GET /v1/secrets': { rule: 'functions', isElsewhere: true },
  'PUT /v1/secrets/:name': {
    rule: 'functions',
    isElsewhere: true,
    path: '/v1/secrets/S',
    body: { value: 'long enough' }
  },
  'DELETE /v1/secrets/:name': { rule: 'functions', isElsewhere: true, path: '/v1/secrets/S' },
  'POST /v1/secrets/:name/grants': {
    rule: 'functions',
    isElsewhere: true,
    path: '/v1/secrets/S/grants',
    body: { to: 'a/b' }
  },
  'GET /v1/machines': { rule: 'functions', isElsewhere: true },
  'GET /v1/environments': { rule: 'functions', isElsewhere: true },
  'DELETE /v1/environments/:machine/:key': {
    rule: 'operator',
    isElsewhere: true,
    path: `/v1/environments/m/${'0'.repeat(64)}`
  },
  'POST /v1/environments/:machine/:key/rebuild': {
    rule: 'operator',
    isElsewhere: true,
    path: `/v1/environments/m/${'0'.repeat(64)}/rebuild`
  },
  'GET /v1/runs': { rule: 'functions' },
  'GET /v1/runs/:id': { rule: 'functions', path: RUN },
  'POST /v1/runs/:id/cancel': { rule: 'functions', path: `${RUN}/cancel` },
  'POST /v1/runs/:id/retry': { rule: 'functions', path: `${RUN}/retry` },
  'GET /v1/runs/:id/events': { rule: 'runs', path: `${RUN}/events` },
  'GET /v1/runs/:id/artifacts/:task/:name': { rule: 'runs', path: `${RUN}/artifacts/t1/a` },
  'GET /spl/health': { rule: 'everybody' },
  'GET /spl/libraries': { rule: 'functions', isElsewhere: true },
  'GET /spl/objects': { rule: 'functions', isElsewhere: true },
  'GET /spl/owners/:owner/libraries/:library/objects': {
    rule: 'functions',
    isElsewhere: true,
    path: '/spl/owners/a/libraries/default/objects'
  },
  'GET /spl/objects/:name/signature': {
    rule: 'functions',
    isElsewhere: true,
    path: '/spl/objects/f/signature'
  },
  'GET /spl/objects/:name/source': {
    rule: 'functions',
    isElsewhere: true,
    path: '/spl/objects/f/source'
  },
  'GET /spl/console/overview': { rule: 'functions', isElsewhere: true },
  'POST /spl/remote-runs': { rule: 'functions', isElsewhere: true, body: { object: 'f' } },
  'GET /spl/remote-runs': { rule: 'functions' },
  'GET /spl/remote-runs/:id': { rule: 'functions', path: SPL_RUN },
  'GET /spl/remote-runs/:id/detail': { rule: 'functions', path: `${SPL_RUN}/detail` },
  'GET /spl/remote-runs/:id/events': { rule: 'functions', path: `${SPL_RUN}/events` },
  'GET /spl/remote-runs/:id/artifacts': { rule: 'functions', path: `${SPL_RUN}/artifacts` },
  'GET /spl/remote-runs/:id/artifacts/:name': {
    rule: 'functions',
    path: `${SPL_RUN}/artifacts/a`
  },
  'POST /spl/remote-runs/:id/cancel': { rule: 'functions', path: `${SPL_RUN}/cancel`, body: {} },
  'POST /spl/remote-runs/:id/retry': { rule: 'functions', path: `${SPL_RUN}/retry`, body: {} },
  'GET /v1/admin/queue/dead-letter': { rule: 'operator' },
  'POST /v1/admin/queue/dead-letter': { rule: 'operator', body: { dry_run: true } },
  'GET /v1/admin/policy': { rule: 'operator' },
  'PUT /v1/admin/policy': { rule: 'operator', body: { yaml: 'rules: []', dry_run: true } },
  'GET /v1/admin/policy/explain/:id': {
    rule: 'operator',
    path: `/v1/admin/policy/explain/job-${'0'.repeat(32)}`
  },
  'GET /v1/me': { rule: 'any token' },
  'GET /v1/admin/mesh': { rule: 'observer' },
  'GET /v1/admin/workers': { rule: 'observer' },
  'GET /v1/admin/workers/:id': { rule: 'observer' },
  'GET /v1/admin/models': { rule: 'observer' },
  'GET /v1/admin/requests': { rule: 'observer' },
  'GET /v1/admin/requests/:id': { rule: 'observer' },
  'DELETE /v1/admin/requests/:id': { rule: 'operator' },
  'GET /v1/admin/settings': { rule: 'observer' },
  'PATCH /v1/admin/settings': { rule: 'operator', body: { keep_requests_days: 30 } },
  'GET /v1/admin/queue': { rule: 'observer' },
  'GET /v1/admin/events': { rule: 'observer' },
  'POST /v1/admin/workers/:id/drain': { rule: 'operator', body: {} },
  'POST /v1/admin/workers/:id/resume': { rule: 'operator' },
  'POST /v1/admin/workers/:id/rename': { rule: 'operator', body: { name: 'other' } },
  'POST /v1/admin/workers/:id/label': { rule: 'operator', body: { labels: {} } },
  'POST /v1/admin/workers/:id/remove': { rule: 'operator' },
  'POST /v1/admin/workers/:id/models': {
    rule: 'models:write',
    body: { action: 'load', model: 'sim' }
  },
  'POST /v1/admin/models/prefetch': { rule: 'models:write', body: { model: 'qwen3-4b' } },
  'POST /v1/admin/invites': {
    rule: 'operator',
    isElsewhere: true,
    body: { roles: ['worker'], expires_in_ms: 60_000, uses_max: 1 }
  },
  'GET /v1/admin/invites': { rule: 'observer', isElsewhere: true },
  'DELETE /v1/admin/invites/:id': {
    rule: 'operator',
    isElsewhere: true,
    path: '/v1/admin/invites/0000'
  },
  'GET /v1/admin/members': { rule: 'observer', isElsewhere: true },
  'POST /v1/admin/members/:id/approve': { rule: 'operator', isElsewhere: true },
  'POST /v1/admin/members/:id/revoke': { rule: 'operator', isElsewhere: true },
  'POST /v1/admin/members/:id/rename': {
    rule: 'operator',
    isElsewhere: true,
    body: { name: 'other' }
  },
  'POST /v1/admin/mesh/rotate': { rule: 'operator', isElsewhere: true },
  'GET /v1/usage': { rule: 'any token' },
  'POST /v1/admin/tokens': { rule: 'operator', body: { tenant: 'made' } },
  'GET /v1/admin/tokens': { rule: 'observer' },
  'PATCH /v1/admin/tokens/:id': { rule: 'operator', body: { limits: {} } },
  'PATCH /v1/admin/tenants/:id': { rule: 'operator', body: { limits: {} } },
  'DELETE /v1/admin/tokens/:id': { rule: 'operator' },
  'POST /v1/admin/tokens/:id/rotate': { rule: 'operator' },
  'POST /v1/admin/tenants': { rule: 'operator', body: { id: 'made', limits: {} } },
  'GET /v1/admin/tenants': { rule: 'observer' },
  'DELETE /v1/admin/tenants/:id': { rule: 'operator' },
  'GET /v1/admin/audit': { rule: 'observer' },
  'GET /v1/admin/audit/verify': { rule: 'observer' }
}

/** What people do beside asking models; artifacts are files, which programs fetch. */
const ACT = / \/v1\/(admin|usage|jobs|objects|libraries|runs|call)(?!.*\/artifacts\/)/

/** The table of acts and the addresses are the same list. */
function assertActs(routes: readonly string[]): void {
  const acting = routes.filter((route) => ACT.test(route))
  const acts = new Set<string>(Object.values(ACTS).map(({ http }) => http))
  assert.deepEqual(new Set(acting), acts, 'shared/contracts/http/admin/acts.ts needs the same')
}

/** Events never end: the first of them will do. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.text()
  const reader = response.body!.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return new TextDecoder().decode(value)
}

/** What the answer is to each kind of token; anything but 401 and 403 is `in`. */
const REFUSED = { none: 401, wrong: 401, foreign: 401, expired: 401, revoked: 401 } as const
const NOT_IN = {
  infer: 403,
  jobs: 403,
  worker: 403,
  functions: 403,
  metrics: 403,
  models: 403,
  tenant: 403,
  other: 403
} as const
const ANSWERS: Record<Rule, Record<string, 401 | 403 | 'in'>> = {
  everybody: {},
  infer: {
    ...REFUSED,
    jobs: 403,
    functions: 403,
    worker: 403,
    metrics: 403,
    models: 403,
    observer: 403
  },
  jobs: {
    ...REFUSED,
    infer: 403,
    functions: 403,
    worker: 403,
    metrics: 403,
    models: 403,
    observer: 403,
    other: 403
  },
  worker: { ...REFUSED, ...NOT_IN, observer: 403, worker: 'in' },
  functions: {
    ...REFUSED,
    infer: 403,
    jobs: 403,
    worker: 403,
    metrics: 403,
    models: 403,
    observer: 403,
    other: 403
  },
  runs: {
    ...REFUSED,
    infer: 403,
    worker: 403,
    metrics: 403,
    models: 403,
    observer: 403,
    other: 403
  },
  metrics: { ...REFUSED, ...NOT_IN, observer: 403, metrics: 'in' },
  observer: { ...REFUSED, ...NOT_IN },
  'models:write': { ...REFUSED, ...NOT_IN, observer: 403, models: 'in' },
  operator: { ...REFUSED, ...NOT_IN, observer: 403 },
  'any token': REFUSED
}

test('every address answers every kind of token as decided', async (t) => {
  const { bridge, ask, token, access } = await startGuardedMesh(t)
  const actor = { actor: 'test', requestId: 'r' }
  const revoked = await access.stored.admin.createToken({ tenant: 'a' }, actor)
  await access.stored.admin.revokeToken(revoked.token.id, actor)
  const expiring = await access.stored.admin.createToken({ tenant: 'a', expiresInMs: 1000 }, actor)
  await new Promise((resolve) => setTimeout(resolve, 1000)) // it cannot be made shorter-lived
  const tokens: Record<string, string | undefined> = {
    none: undefined,
    wrong: `${(await token('a')).slice(0, -4)}AAAA`,
    foreign: mintToken('operator').text,
    expired: expiring.secret,
    revoked: revoked.secret,
    infer: await token('a', 'infer'),
    jobs: await token('a', 'jobs'),
    worker: await token('a', 'worker'),
    functions: await token('a', 'functions'),
    metrics: await token('a', 'metrics'),
    models: await token('a', 'models:write'),
    tenant: await token('a', 'tenant:a'),
    observer: await token('a', 'observer'),
    operator: await token('a', 'operator'),
    other: await token('b')
  }
  // HEAD is GET, and OPTIONS tells everybody which methods there are.
  const routes = bridge.routes.filter((route) => !/^(HEAD|OPTIONS) /.test(route))
  const undecided = routes.filter((route) => !RULES[route])
  assert.deepEqual(undecided, [], 'these addresses need an entry in RULES')
  assertActs(routes)
  const wrong: string[] = []
  for (const route of routes) {
    const { rule, body, path, isElsewhere = false } = RULES[route]!
    const asked = path === undefined ? route : `${route.split(' ')[0]} ${path}`
    for (const [kind, secret] of Object.entries(tokens)) {
      const expected = ANSWERS[rule][kind] ?? 'in'
      if (isElsewhere && expected === 'in') continue
      const response = await ask(asked, secret, body)
      const text = await textOf(response)
      const { status } = response
      const got = status === 401 || status === 403 ? status : 'in'
      if (got !== expected) wrong.push(`${route} with ${kind}: ${status} instead of ${expected}`)
      if (got === 'in' && status >= 500) wrong.push(`${route} with ${kind}: ${status} ${text}`)
      if (status === 401) assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
    }
  }
  assert.deepEqual(wrong, [])
})

test('nothing of one tenant appears for another, in answers, errors and logs', async (t) => {
  const { ask, token, logged, access } = await startGuardedMesh(t)
  const [a, b] = [await token('tenant-a'), await token('tenant-b')]
  const post = async (secret: string, body: object, key: string) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    const url = new URL('/infer', (await ask('GET /health')).url)
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'x-haif-token': secret },
      body: JSON.stringify(body)
    })
    return { status: response.status, text: await response.text() }
  }
  const ofA = await post(a, { prompt: SECRET_PROMPT, max_tokens: 3 }, 'same-key')
  assert.equal(ofA.status, 200)
  const output = (text: string) => (JSON.parse(text) as { output: string }).output
  // The same key of another tenant is another request: no answer and no conflict.
  const ofB = await post(b, { prompt: 'something else', max_tokens: 3 }, 'same-key')
  assert.equal(ofB.status, 200)
  assert.notEqual(output(ofB.text), output(ofA.text))
  assert.equal((await post(a, { prompt: 'another', max_tokens: 3 }, 'same-key')).status, 409)
  const named = await post(b, { prompt: 'x', tenant_id: 'tenant-a' }, 'k1')
  const unknown = await post(b, { prompt: 'x', tenant_id: 'no-such-tenant' }, 'k2')
  assert.deepEqual([named.status, unknown.status], [403, 403])
  const sentence = (text: string) =>
    (JSON.parse(text) as { error: { message: string } }).error.message
  assert.equal(sentence(named.text), sentence(unknown.text))
  assert.ok(!named.text.includes('tenant-a'))
  assert.equal((await ask('GET /v1/usage?tenant=tenant-a', b)).status, 403)
  assert.equal((await ask('GET /v1/usage?tenant=tenant-a', a)).status, 200)
  const everything = logged.join('\n')
  for (const secret of [SECRET_PROMPT, a, b, a.slice(-20), b.slice(-20)]) {
    assert.ok(!everything.includes(secret), 'a secret is in the log')
  }
  const audit = JSON.stringify((await access.stored.audit.list({})).events)
  assert.ok(!audit.includes(a.slice(-20)) && !audit.includes(SECRET_PROMPT))
})

test('a response that is kept is read, continued and deleted with its own token alone', async (t) => {
  const { bridge, ask, token } = await startGuardedMesh(t)
  const [own, sibling, other] = [await token('a'), await token('a'), await token('b')]
  const operator = await token('ops', 'operator')
  const body = { model: 'sim', input: SECRET_PROMPT, max_output_tokens: 16 }
  const made = (await (await ask('POST /v1/responses', own, body)).json()) as { id: string }
  const strangers = [sibling, other, operator]
  for (const stranger of strangers) {
    const continued = { ...body, input: 'and?', previous_response_id: made.id }
    const answers = [
      await ask(`GET /v1/responses/${made.id}`, stranger),
      await ask(`DELETE /v1/responses/${made.id}`, stranger),
      await ask(`POST /v1/responses/${made.id}/cancel`, stranger),
      await ask(`GET /v1/responses/${made.id}/input_items`, stranger),
      await ask('POST /v1/responses', stranger, continued)
    ]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [404, 404, 404, 404, 400]
    )
    for (const answer of answers) assert.ok(!(await answer.text()).includes(SECRET_PROMPT))
  }
  // The same token in the other header is the same caller.
  const headers = { 'x-haif-token': own }
  const read = await fetch(`${bridge.url}/v1/responses/${made.id}`, { headers })
  assert.equal(read.status, 200)
  assert.equal((await ask(`POST /v1/responses/${made.id}/cancel`, own)).status, 400)
  assert.equal((await ask(`DELETE /v1/responses/${made.id}`, own)).status, 200)
  assert.equal((await ask(`GET /v1/responses/${made.id}`, own)).status, 404)
})

test('what is left of limits is told with every kind of answer', async (t) => {
  const { ask, make } = await startGuardedMesh(t)
  const limits = { requestsPerMinute: 100, tokensPerMinute: 100_000 }
  const { secret } = await make({ tenant: 'a', limits })
  const asked: Record<string, object> = {
    '/infer': { model: 'sim', prompt: 'hi', max_tokens: 2 },
    '/v1/chat/completions': chat,
    '/v1/completions': { model: 'sim', prompt: 'hi', max_tokens: 2 },
    '/v1/responses': { model: 'sim', input: 'hi', max_output_tokens: 16 },
    '/v1/embeddings': { model: 'vectors', input: 'hi' }
  }
  const bodies = Object.entries(asked).flatMap(([path, body]) =>
    path === '/v1/embeddings'
      ? [[path, body]]
      : [
          [path, body],
          [path, { ...body, stream: true }]
        ]
  ) as [string, object][]
  for (const [i, [path, body]] of bodies.entries()) {
    const { status, headers } = await ask(`POST ${path}`, secret, body)
    const left = (kind: string) => headers.get(`x-ratelimit-remaining-${kind}`)
    assert.deepEqual([path, status, left('requests')], [path, 200, String(99 - i)])
    assert.ok(Number(left('tokens')) > 0)
  }
})

test('an operator rules over HTTP, and what is refused to others is in the audit', async (t) => {
  const { ask, token } = await startGuardedMesh(t)
  const operator = await token('ops', 'operator')
  const json = async (response: Promise<Response>) =>
    (await (await response).json()) as Record<string, never>
  const wish = { tenant: 'a', limits: { requests_per_minute: 2 } }
  const misspelt = await ask('POST /v1/admin/tokens', operator, { ...wish, limits: { rpm: 2 } })
  assert.equal(misspelt.status, 400)
  const made = await json(ask('POST /v1/admin/tokens', operator, wish))
  const { secret, token: entry } = made as unknown as { secret: string; token: { id: string } }
  for (const left of ['1', '0']) {
    const { status, headers } = await ask('POST /infer', secret, { prompt: 'hi', max_tokens: 2 })
    assert.deepEqual(
      [
        status,
        headers.get('x-ratelimit-limit-requests'),
        headers.get('x-ratelimit-remaining-requests')
      ],
      [200, '2', left]
    )
  }
  const over = await ask('POST /infer', secret, { prompt: 'hi', stream: true })
  assert.equal(over.status, 429)
  assert.ok(Number(over.headers.get('retry-after')) > 50)
  assert.equal(over.headers.get('x-ratelimit-remaining-requests'), '0')
  assert.equal((await ask('GET /v1/admin/audit', secret)).status, 403)
  const audit = await json(
    ask('GET /v1/admin/audit?tenant=a&result=refused&from=2020-01-01', operator)
  )
  assert.equal(audit['total'], 1)
  const csv = await (
    await ask('GET /v1/admin/audit?format=csv&action=token.create', operator)
  ).text()
  assert.match(csv, /^chain,seq,at,actor,action,target,result,request_id,details,hash\r\n/)
  assert.equal((await ask('GET /v1/admin/audit?limit=x', operator)).status, 400)
  assert.equal((await ask('GET /v1/admin/audit?whose=x', operator)).status, 400)
  assert.equal((await ask(`DELETE /v1/admin/tokens/${entry.id}`, operator)).status, 200)
  assert.equal((await ask('POST /infer', secret, { prompt: 'hi' })).status, 401)
  const verified = await json(ask('GET /v1/admin/audit/verify', operator))
  assert.deepEqual(verified['problems'], [])
})

test('a bridge that others can reach does not start without tokens', async (t) => {
  const mesh = await startMesh(t)
  const open = (allowAnonymous: boolean) => {
    const bridge = createHttpBridge({
      join: mesh.joiner('bridge'),
      self: { host: 'test', version: '0' },
      host: '0.0.0.0',
      port: 0,
      metrics: createMetrics(),
      log: createLogger('silent'),
      drainMs: 200,
      allowAnonymous
    })
    atEnd(t, () => bridge.stop())
    return bridge
  }
  await assert.rejects(open(false).start(), {
    code: 'CONFIG_INVALID',
    message: /haif token create.*--allow-anonymous/
  })
  const bridge = open(true)
  await bridge.start()
  const response = await fetch(`${bridge.url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'hi', max_tokens: 2 })
  })
  assert.equal(response.status, 200)
})
