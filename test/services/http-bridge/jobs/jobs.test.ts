/** Jobs over HTTP, on a mesh of three workers with tokens and a real database. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { silentLogger } from '#shared/process/log.ts'
import { createJobs } from '../../../../services/jobs/jobs.ts'
import type {
  GenerateEnd,
  GenerateItem,
  GenerateRequest
} from '../../../../services/worker/engines/engine.ts'
import { SimEngine } from '../../../../services/worker/engines/sim/sim-engine.ts'
import { simAnswer } from '../../../../services/worker/engines/sim/sim-text.ts'
import { Aggregation } from '../../../../services/worker/tasks/aggregation/aggregation.ts'
import type { ModelSource } from '../../../../services/worker/models/sources/model-source.ts'
import { embeddingSource } from '../../../helpers/mesh/embedding-engine.ts'
import { startGuardedMesh, type GuardedMesh } from '../../../helpers/mesh/guarded-mesh.ts'
import { simSource } from '../../../helpers/mesh/mesh.ts'
import { atEnd, Shared } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'

type Body = Record<string, unknown>

interface Event {
  id: number | null
  name: string
  data: Body
}

const FREE = { decodeTokensPerSecond: Infinity, prefillTokensPerSecond: Infinity }
const EXAMPLES = join(import.meta.dirname, '../../../../examples')
const TICKETS = Array.from({ length: 20 }, (_, n) => `Ticket ${n}: printer ${n % 3} is on fire`)
const DEAD = '/v1/admin/queue/dead-letter'

const said = (prompt: string, tokens: number): string =>
  Array.from({ length: tokens }, (_, n) => simAnswer(prompt)(n).text).join('')

/** Begins when the gate opens, so that a reader is there before anything happens. */
class GatedAggregation extends Aggregation {
  gate: Promise<void> = Promise.resolve()

  override async *run(...given: Parameters<Aggregation['run']>): ReturnType<Aggregation['run']> {
    await this.gate
    return yield* super.run(...given)
  }
}

/** A model that says one word and thinks on, until it is told to stop. */
class EndlessEngine extends SimEngine {
  readonly begun = Promise.withResolvers<void>()
  readonly stopped = Promise.withResolvers<void>()

  override async *generate(
    _asked: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd, void> {
    try {
      yield { tokenIds: [0], text: 'hm' }
      this.begun.resolve()
      await sleep(600_000, undefined, { signal })
      throw new Error('nobody has stopped it')
    } finally {
      this.stopped.resolve()
    }
  }
}

suite('jobs over HTTP', () => {
  let mesh: GuardedMesh
  let acme: string
  let other: string
  let operator: string
  const aggregation = new GatedAggregation()
  const endless = new EndlessEngine(FREE)

  const shared = new Shared()
  after(() => shared.end())
  before(async () => {
    mesh = await startGuardedMesh(shared, { takesJobs: true })
    const jobs = createJobs({
      join: mesh.mesh.joiner('jobs'),
      self: { host: 'test', version: '0' },
      store: mesh.store,
      log: silentLogger()
    })
    atEnd(shared, () => jobs.stop())
    await jobs.start()
    const tasks = { kinds: [aggregation], places: 2 }
    const models = [simSource(FREE), embeddingSource({ ...FREE, name: 'vectors' })]
    await mesh.mesh.addWorker(models, {}, { tasks })
    const thinks: ModelSource = { name: 'endless', engine: 'sim', open: async () => endless }
    await mesh.mesh.addWorker([...models, thinks], {}, { tasks })
    acme = await mesh.token('acme', 'infer', 'jobs')
    other = await mesh.token('other', 'infer', 'jobs')
    operator = await mesh.token('ops', 'operator')
    await until(async () => (await mesh.ask('GET /v1/jobs', acme)).status === 200)
  })

  async function call(route: string, token: string, body?: object, headers: Body = {}) {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(mesh.bridge.url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(headers as Record<string, string>)
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Body }
  }

  const submit = async (token: string, body: object): Promise<string> => {
    const { status, body: reply } = await call('POST /v1/jobs', token, body)
    assert.equal(status, 202, JSON.stringify(reply))
    return reply['job_id'] as string
  }

  test('a job is taken, shown, and of its tenant only', async () => {
    const id = await submit(acme, { type: 'chat', input: 'What is HAIF?', priority: 'batch' })
    assert.match(id, /^job-[0-9a-f]{32}$/)
    const { body: job } = await call(`GET /v1/jobs/${id}`, acme)
    assert.equal(job['tenant'], 'acme')
    assert.equal(job['priority'], 'batch')
    assert.match(job['created_at'] as string, /^\d{4}-\d\d-\d\dT/)
    const { body: page } = await call(`GET /v1/jobs/${id}/tasks?limit=1`, acme)
    assert.equal(page['total'], 1)
    assert.equal((page['tasks'] as Body[])[0]?.['task_id'], 'answer')
    for (const route of [
      `GET /v1/jobs/${id}`,
      `GET /v1/jobs/${id}/tasks`,
      `GET /v1/jobs/${id}/stream`,
      `DELETE /v1/jobs/${id}`,
      `POST /v1/jobs/${id}/archive`,
      `POST /v1/jobs/${id}/resume`
    ]) {
      const { status, body } = await call(route, other)
      assert.equal(status, 404, route)
      assert.equal(body['error'], `there is no job ${id}`)
      assert.equal(body['code'], 'NOT_FOUND')
      assert.ok(body['request_id'])
    }
    assert.equal((await call(`GET /v1/jobs/${id}`, operator)).status, 200)
    assert.equal((await call('GET /v1/jobs/job-1', acme)).status, 404)
  })

  test('a list turns pages, and shows a tenant its own', async () => {
    const ids = []
    for (let n = 0; n < 3; n += 1) ids.push(await submit(other, { type: 'paged', input: `${n}` }))
    const seen: unknown[] = []
    let cursor = ''
    do {
      const { body } = await call(`GET /v1/jobs?type=paged&limit=2${cursor}`, other)
      seen.push(...(body['jobs'] as Body[]).map((job) => job['job_id']))
      cursor = body['next_cursor'] === undefined ? '' : `&cursor=${body['next_cursor'] as string}`
    } while (cursor !== '')
    assert.deepEqual(seen, ids.toReversed())
    const { body: none } = await call('GET /v1/jobs?type=paged', acme)
    assert.deepEqual(none['jobs'], [])
    const { body: all } = await call('GET /v1/jobs?type=paged&tenant=other', operator)
    assert.equal((all['jobs'] as Body[]).length, 3)
    assert.equal((await call('GET /v1/jobs?tenant=other', acme)).status, 403)
    assert.equal((await call('GET /v1/jobs?status=Sleeping', acme)).status, 400)
    assert.equal((await call('GET /v1/jobs?cursor=abc', acme)).status, 400)
  })

  test('under one Idempotency-Key there is one job', async () => {
    const key = { 'idempotency-key': 'nightly-1' }
    const body = { input: 'again' }
    const [first, second] = [
      await call('POST /v1/jobs', acme, body, key),
      await call('POST /v1/jobs', acme, body, key)
    ]
    assert.deepEqual(first.body, second.body)
    const third = await call('POST /v1/jobs', acme, { input: 'else' }, key)
    assert.equal(third.status, 409)
    const foreign = await call('POST /v1/jobs', other, body, key)
    assert.notEqual(foreign.body['job_id'], first.body['job_id'])
  })

  const prompt = { type: 'llm_inference', input: { prompt: 'x' } }
  const BAD: [string, object, number, string][] = [
    [
      'a cycle',
      {
        tasks: [
          { ...prompt, id: 'a', dependencies: ['b'] },
          { ...prompt, id: 'b', dependencies: ['a'] }
        ]
      },
      400,
      'tasks'
    ],
    [
      'an unknown dependency',
      { tasks: [{ ...prompt, id: 'a', dependencies: ['z'] }] },
      400,
      'tasks.0.dependencies.0'
    ],
    [
      'two equal ids',
      {
        tasks: [
          { ...prompt, id: 'a' },
          { ...prompt, id: 'a' }
        ]
      },
      400,
      'tasks.1.id'
    ],
    ['an unknown type', { tasks: [{ ...prompt, id: 'a', type: 'magic' }] }, 400, 'tasks.0.type'],
    ['a path as an id', { tasks: [{ ...prompt, id: '../a' }] }, 400, 'tasks.0.id'],
    [
      '10,000 tasks',
      { tasks: Array.from({ length: 10_000 }, (_, n) => ({ ...prompt, id: `t${n}` })) },
      400,
      'tasks'
    ],
    ['an input over 1 MiB', { input: 'x'.repeat(1_048_577) }, 413, 'input'],
    ['a wrong priority', { input: 'x', priority: 'urgent' }, 400, 'priority'],
    ['a misspelt field', { input: 'x', prioritty: 'batch' }, 400, 'prioritty'],
    ['nothing', {}, 400, 'input']
  ]
  for (const [what, body, status, param] of BAD) {
    test(`${what} is refused with its field`, async () => {
      const { status: got, body: error } = await call('POST /v1/jobs', acme, body)
      assert.equal(got, status, JSON.stringify(error))
      assert.equal((error['details'] as Body)['param'], param)
    })
  }

  test('a token needs the scope, and names no tenant that is not its own', async () => {
    const infer = await mesh.token('acme', 'infer')
    assert.equal((await call('POST /v1/jobs', infer, { input: 'x' })).status, 403)
    const foreign = await call('POST /v1/jobs', acme, { input: 'x', tenant: 'other' })
    assert.equal(foreign.status, 403)
    assert.equal((await mesh.ask('POST /v1/jobs', undefined, { input: 'x' })).status, 401)
    const both = await mesh.token('acme', 'jobs', 'tenant:other')
    const splai = { 'x-splai-token': both, 'x-splai-tenant': 'other' }
    const listed = await fetch(`${mesh.bridge.url}/v1/jobs?tenant=other`, { headers: splai })
    assert.equal(listed.status, 200)
    const id = await submit(both, { input: 'x', tenant: 'other' })
    assert.equal((await call(`GET /v1/jobs/${id}`, other)).status, 200)
    assert.equal((await call(`GET /v1/jobs/${id}/tasks`, both)).status, 200)
    const limited = await mesh.make({
      tenant: 'acme',
      scopes: ['jobs'],
      limits: { priority: 'batch' }
    })
    const slow = await submit(limited.secret, { input: 'x', priority: 'interactive' })
    assert.equal((await call(`GET /v1/jobs/${slow}`, acme)).body['priority'], 'batch')
  })

  test('what the planner compiles can be submitted', async () => {
    const wish = { job_id: 'job-1', type: 'chat', mode: 'template', input: 'Analyze: a\n\nb' }
    const { status, body } = await call('POST /v1/planner/compile', acme, wish)
    assert.equal(status, 200, JSON.stringify(body))
    const dag = body['dag'] as { dag_id: string; tasks: Body[] }
    assert.equal(dag.dag_id, 'job-1-dag')
    assert.deepEqual(
      dag.tasks.map((task) => task['task_id']),
      ['split', 'embed', 'summarize']
    )
    const [first] = dag.tasks
    const tasks = [{ ...first, timeout_sec: 30, max_retries: 1, resources: { gpu: false } }]
    await submit(acme, { input: wish.input, tasks })
  })

  test('a policy is set by operators, versioned, in force at once, and explains itself', async () => {
    const before = await submit(acme, { input: 'x', data_classification: 'secret' })
    const yaml =
      'rules:\n  - { name: no-secrets, effect: deny, match: { data_classification: secret } }'
    assert.equal((await call('PUT /v1/admin/policy', acme, { yaml })).status, 403)
    const wrong = await call('PUT /v1/admin/policy', operator, {
      yaml: 'rules: [{ match: { x: 1 } }]'
    })
    assert.equal(wrong.status, 400)
    const trial = await call('PUT /v1/admin/policy', operator, { yaml, dry_run: true })
    assert.equal(trial.body['version'], 0)
    const set = await call('PUT /v1/admin/policy', operator, { yaml, if_version: 0 })
    assert.equal(set.body['version'], 1, JSON.stringify(set.body))
    const late = await call('PUT /v1/admin/policy', operator, { yaml, if_version: 0 })
    assert.equal(late.status, 409)
    const denied = await call('POST /v1/jobs', acme, { input: 'x', data_classification: 'secret' })
    assert.equal(denied.status, 403)
    assert.equal((denied.body['details'] as Body)['rule'], 'no-secrets')
    const { body: why } = await call(`GET /v1/admin/policy/explain/${before}`, operator)
    assert.equal((why['decisions'] as Body[])[0]?.['rule'], 'no-secrets')
    const undo = await call('PUT /v1/admin/policy', operator, { yaml: '# all' })
    assert.equal(undo.body['version'], 2)
    assert.equal((await call('GET /v1/admin/policy?version=1', operator)).body['yaml'], yaml)
  })

  test('an artifact comes whole or in part, to its tenant only', async () => {
    const input = { query: 'cat', documents: ['the cat', 'a dog'] }
    const id = await submit(acme, { tasks: [{ id: 'find', type: 'retrieval', input }] })
    const isDone = async () =>
      (await call(`GET /v1/jobs/${id}`, acme)).body['status'] === 'Completed'
    await until(isDone)
    const get = (token: string, headers: Record<string, string> = {}, name = 'output.json') =>
      fetch(`${mesh.bridge.url}/v1/jobs/${id}/artifacts/find/${name}`, {
        headers: { authorization: `Bearer ${token}`, ...headers }
      })
    const whole = await get(acme)
    const text = await whole.text()
    assert.equal((JSON.parse(text) as { count: number }).count, 1)
    assert.equal(whole.headers.get('content-type'), 'application/json')
    assert.match(whole.headers.get('content-disposition') ?? '', /^attachment/)
    const etag = whole.headers.get('etag')!
    assert.equal(etag, `"${hash('sha256', text)}"`)
    const part = await get(acme, { range: 'bytes=3-9', 'if-range': etag })
    assert.deepEqual([part.status, await part.text()], [206, text.slice(3, 10)])
    assert.equal(part.headers.get('content-range'), `bytes 3-9/${text.length}`)
    assert.equal((await get(acme, { 'if-none-match': etag })).status, 304)
    assert.equal((await get(acme, { range: `bytes=${text.length}-` })).status, 416)
    assert.equal(await (await get(acme, { range: 'bytes=0-1', 'if-range': '"x"' })).text(), text)
    assert.equal((await get(other)).status, 404)
    for (const name of ['none', '..%2f..%2fetc%2fpasswd', 'a%00b', 'x'.repeat(90)]) {
      assert.equal((await get(acme, {}, name)).status, 404, name)
    }
  })

  test('what was done with jobs and policies is in the audit', async () => {
    const csv = await mesh.ask('GET /v1/admin/audit?action=policy.set&format=csv', operator)
    assert.match(await csv.text(), /policy\.set,version 2,ok/)
    const query = '?action=job.submit&result=refused&tenant=acme'
    const { body } = await call(`GET /v1/admin/audit${query}`, operator)
    const [refused] = body['events'] as Body[]
    assert.equal((refused!['details'] as Body)['rule'], 'no-secrets')
    const { body: taken } = await call(
      'GET /v1/admin/audit?action=job.submit&tenant=other',
      operator
    )
    assert.ok((taken['total'] as number) >= 3)
  })

  const json = async (response: Response) => (await response.json()) as Body
  const read = async (path: string, token = acme) => json(await mesh.ask(`GET ${path}`, token))

  /** `onFirst` is called when the snapshot is there. */
  async function events(jobId: string, after = '', onFirst = () => {}): Promise<Event[]> {
    const response = await mesh.ask(`GET /v1/jobs/${jobId}/stream${after}`, acme)
    onFirst()
    const text = await response.text()
    return text
      .split('\n\n')
      .map((block) => /^(?:id: (\d+)\n)?event: (\S+)\ndata: (.*)$/.exec(block))
      .filter((match) => match !== null)
      .map(([, id, name = '', data = '{}']) => {
        return { id: id === undefined ? null : Number(id), name, data: JSON.parse(data) as Body }
      })
  }

  test('an analysis flows through its stages, and its reader sees all of it', async () => {
    const input = { prompt: 'Analyze these tickets', tickets: TICKETS }
    const { promise, resolve } = Promise.withResolvers<void>()
    aggregation.gate = promise
    const jobId = await submit(acme, { type: 'batch_analysis', input, model: 'sim' })
    const told = await events(jobId, '', resolve)
    assert.equal(told[0]?.name, 'job.snapshot')
    assert.equal(told.at(-1)?.name, 'job.completed')
    const ids = told.flatMap(({ id }) => (id === null ? [] : [id]))
    assert.deepEqual(
      ids.toSorted((a, b) => a - b),
      ids
    )

    const { tasks } = (await read(`/v1/jobs/${jobId}/tasks`)) as { tasks: Body[] }
    const [split, embed, summarize] = tasks
    for (const task of tasks) {
      assert.equal(task['status'], 'Completed')
      assert.match(task['worker_id'] as string, /^[0-9a-f]{64}$/, JSON.stringify(task))
    }
    const { parts } = split!['output'] as { parts: string[] }
    assert.deepEqual(parts, TICKETS)
    assert.equal((embed!['output'] as { count: number }).count, 20)
    assert.ok((embed!['usage'] as Body)['prompt_tokens'])

    // What the simulated model says is a function of its prompt.
    const prompt = `user: Analyze these tickets\n\n${parts.join('\n\n')}`
    const { completion_tokens: tokens } = summarize!['usage'] as { completion_tokens: number }
    const { text } = summarize!['output'] as { text: string }
    assert.ok(tokens > 0)
    assert.equal(text, said(prompt, tokens))
    const deltas = told.filter(({ name }) => name === 'task.output')
    assert.ok(deltas.length > 0)
    assert.ok(text.endsWith(deltas.map(({ data }) => data['text'] as string).join('')))
    const job = await read(`/v1/jobs/${jobId}`)
    assert.equal((job['result'] as Body)['text'], text)
    assert.equal((job['usage'] as Body)['completion_tokens'], tokens)
  })

  test('a reader that comes back goes on behind what it has seen', async () => {
    const jobId = await submit(acme, { input: 'hello', model: 'sim' })
    const all = (await events(jobId)).filter(({ id }) => id !== null)
    const last = all.at(-1)!.id!
    const rest = await events(jobId, `?after=${last - 1}`)
    assert.deepEqual(rest, [all.at(-1)])
    const done = await mesh.ask(`GET /v1/jobs/${jobId}/stream?after=${last}`, acme)
    assert.equal(done.status, 204)
    const [snapshot, end, ...more] = await events(jobId)
    assert.deepEqual([snapshot?.name, end?.name, more.length], ['job.snapshot', 'job.completed', 0])
    assert.equal((await mesh.ask(`DELETE /v1/jobs/${jobId}`, acme)).status, 409)
    assert.equal((await mesh.ask(`POST /v1/jobs/${jobId}/archive`, acme)).status, 200)
    assert.equal((await read(`/v1/jobs/${jobId}`))['status'], 'Archived')
  })

  test('a cancel reaches the engine that answers', async () => {
    const jobId = await submit(acme, { input: 'for ever', model: 'endless' })
    await endless.begun.promise
    await call(`DELETE /v1/jobs/${jobId}`, acme)
    await endless.stopped.promise
    assert.equal((await read(`/v1/jobs/${jobId}`))['status'], 'Canceled')
  })

  test('a map runs on each part, and the join gets what they said in their order', async () => {
    const jobId = await submit(acme, {
      input: ['one', 'two', 'three'],
      model: 'sim',
      tasks: [
        {
          id: 'each',
          type: 'llm_inference',
          map: { $from: 'job.input' },
          input: { prompt: { $concat: ['Say ', { $from: 'item' }] }, max_tokens: 3 }
        },
        { id: 'all', type: 'aggregation', input: { items: { $from: 'each.text' } } }
      ]
    })
    assert.equal((await events(jobId)).at(-1)?.name, 'job.completed')
    const { result } = (await read(`/v1/jobs/${jobId}`)) as { result: { items: string[] } }
    assert.deepEqual(
      result.items,
      ['one', 'two', 'three'].map((word) => said(`user: Say ${word}`, 3))
    )
  })

  test('dead letters are listed, requeued within bounds, and really run again', async () => {
    const split = { id: 'split', type: 'aggregation', input: { op: 'split', text: 'short' } }
    const wrong = Array.from({ length: 22 }, (_, n) => ({
      id: `wrong${n}`,
      type: 'aggregation',
      input: { text: { $from: 'split.parts.99' } }
    }))
    const jobId = await submit(acme, { tasks: [split, ...wrong] })
    assert.equal((await events(jobId)).at(-1)?.name, 'job.failed')
    const page = await read(`${DEAD}?job_id=${jobId}&limit=5`, operator)
    assert.equal(page['total'], 22)
    const [dead] = page['tasks'] as Body[]
    assert.equal(dead?.['reason'], 'VALIDATION_FAILED')
    assert.match(dead?.['message'] as string, /split\.parts\.99/)
    assert.equal((await mesh.ask(`GET ${DEAD}`, acme)).status, 403)

    const requeue = async (body: object) => mesh.ask(`POST ${DEAD}`, operator, body)
    const filter = { job_id: jobId }
    const trial = await json(await requeue({ filter, dry_run: true }))
    assert.deepEqual([trial['dry_run'], trial['requeued']], [true, 22])
    assert.equal((await requeue({ filter, tasks: [] })).status, 400)
    const unconfirmed = await requeue({ filter })
    assert.equal(unconfirmed.status, 400)
    assert.match((await json(unconfirmed))['error'] as string, /x-haif-confirm: 22/)

    const tasks = [
      { job_id: jobId, task_id: 'wrong3' },
      { job_id: jobId, task_id: 'nobody' }
    ]
    const report = await json(await requeue({ tasks }))
    assert.deepEqual(report['tasks'], [tasks[0]])
    assert.deepEqual(report['unknown'], [tasks[1]])
    const attempts = async () => {
      const { tasks: found } = (await read(`/v1/jobs/${jobId}/tasks?status=Failed`)) as {
        tasks: Body[]
      }
      return found.find((task) => task['task_id'] === 'wrong3')?.['attempt'] as number | undefined
    }
    await until(async () => ((await attempts()) ?? 0) > 1)
    const audit = await read('/v1/admin/audit?action=deadletter.requeue&result=ok', operator)
    assert.equal(audit['total'], 1)
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => (await requeue({ filter, dry_run: true })).status)
    )
    assert.ok(statuses.includes(429))
  })

  const run = promisify(execFile)
  const example = async (command: string, file: string) => {
    const env = { ...process.env, HAIF_URL: mesh.bridge.url, HAIF_TOKEN: acme, HAIF_MODEL: 'sim' }
    const { stdout } = await run(command, [join(EXAMPLES, file)], { env })
    return stdout
  }

  test('a worker over HTTP gets tasks of its tenant, under leases that nobody else can use', async () => {
    const machine = await mesh.token('acme', 'worker')
    const stranger = await mesh.token('acme', 'worker')
    const foreign = await mesh.token('other', 'worker')
    const me = { worker_id: 'node-1', tools: ['bash'], locality: 'here', max_tasks: 2 }
    assert.equal((await call('POST /v1/workers/register', acme, me)).status, 403)
    assert.equal((await mesh.ask('POST /v1/workers/register', undefined, me)).status, 401)
    const fetchTasks = async (token: string, name = 'node-1') =>
      call(`GET /v1/workers/${name}/assignments?max_tasks=5`, token)
    assert.equal((await fetchTasks(machine)).status, 404)
    for (const token of [machine, stranger, foreign]) {
      const { body } = await call('POST /v1/scheduler/workers/register', token, me)
      assert.deepEqual(body, { accepted: true, heartbeat_interval_seconds: 5 })
    }
    const tool = { type: 'tool_execution', constraints: { region: 'here' }, retries: 0 }
    const jobId = await submit(acme, {
      input: 'seven words',
      tasks: [
        { ...tool, id: 'a', input: { command: ['x'], stdin: { $from: 'job.input' } } },
        { ...tool, id: 'b', input: { command: [{ $from: 'a.json.word' }] } },
        { ...tool, id: 'c', input: { command: ['never'] } },
        { ...tool, id: 'd', input: { command: ['x'] }, constraints: { region: 'there' } }
      ]
    })
    assert.deepEqual((await fetchTasks(foreign)).body['assignments'], [])
    const given = (await fetchTasks(machine)).body['assignments'] as Body[]
    assert.deepEqual(
      given.map((task) => [task['task_id'], task['inputs'], task['lease_id']]),
      [
        ['a', { command: ['x'], stdin: 'seven words' }, '1'],
        ['c', { command: ['never'] }, '1']
      ]
    )
    assert.deepEqual((await fetchTasks(machine)).body['assignments'], []) // it holds two
    const beat = await call('POST /v1/workers/node-1/heartbeat', machine, { running_tasks: 2 })
    assert.equal((beat.body['tasks'] as Body[]).length, 2)

    const done = { worker_id: 'node-1', job_id: jobId, task_id: 'a', status: 'Completed' }
    const report = async (token: string, more: object) =>
      (await call('POST /v1/tasks/report', token, { ...done, ...more })).status
    const output = { json: { word: 'seven' } }
    assert.equal(await report(stranger, { output }), 409) // forged: the same name, another token
    assert.equal(await report(foreign, { output }), 404)
    assert.equal(await report(machine, { output, lease_id: '7' }), 409)
    assert.equal(await report(machine, { output, task_id: 'd' }), 409)
    const content_base64 = Buffer.from('a file').toString('base64')
    const artifacts = [{ name: 'file.txt', content_base64, media_type: 'text/plain' }]
    const wrong = [{ name: 'file.txt', content_base64: 'no base64!' }]
    assert.equal(await report(machine, { output, artifacts: wrong, lease_id: '1' }), 400)
    assert.equal(await report(machine, { output, artifacts, lease_id: '1' }), 200)
    assert.equal(await report(machine, { output, lease_id: '1' }), 200) // twice, taken once
    assert.equal(await report(machine, { output, lease_id: '1', status: 'Failed' }), 409)
    const file = await mesh.ask(`GET /v1/jobs/${jobId}/artifacts/a/file.txt`, acme)
    assert.equal(await file.text(), 'a file')

    const [next] = (await fetchTasks(machine)).body['assignments'] as Body[]
    assert.deepEqual([next?.['task_id'], next?.['inputs']], ['b', { command: ['seven'] }])
    assert.equal(await report(machine, { task_id: 'b', status: 'Failed', error: 'no' }), 200)
    const { tasks } = (await read(`/v1/jobs/${jobId}/tasks`)) as { tasks: Body[] }
    assert.deepEqual(
      tasks.map((task) => [task['status'], task['worker_id'], task['error']]),
      [
        ['Completed', 'http:node-1', undefined],
        ['Failed', 'http:node-1', 'no'],
        ['Running', 'http:node-1', undefined],
        ['Queued', undefined, undefined]
      ]
    )
    await call(`DELETE /v1/jobs/${jobId}`, acme)
    const after = await call('POST /v1/workers/node-1/heartbeat', machine, {})
    assert.deepEqual(after.body['tasks'], []) // canceled: it is to stop
    assert.equal(await report(machine, { task_id: 'c', lease_id: '1' }), 409) // late
  })

  test('examples/plain-python/http_worker.py runs tasks and reports them', async () => {
    const input = { command: ['count-words'], stdin: 'four words are counted' }
    const jobId = await submit(acme, { tasks: [{ id: 'count', type: 'tool_execution', input }] })
    const token = await mesh.token('acme', 'worker')
    const env = { ...process.env, HAIF_URL: mesh.bridge.url, HAIF_TOKEN: token }
    const { stdout } = await run('python3', [join(EXAMPLES, 'plain-python/http_worker.py'), '1'], {
      env
    })
    assert.equal(stdout, 'Completed count\n')
    assert.deepEqual((await read(`/v1/jobs/${jobId}`))['result'], { json: { words: 4 } })
  })

  test('a worker over HTTP that falls silent loses its task, which costs an attempt', async () => {
    const machine = await mesh.token('acme', 'worker')
    const me = { worker_id: 'silent', types: ['tool_execution'], locality: 'quiet' }
    await call('POST /v1/workers/register', machine, me)
    const tool = { type: 'tool_execution', constraints: { region: 'quiet' }, retries: 0 }
    const jobId = await submit(acme, { tasks: [{ ...tool, id: 'a', input: { command: ['x'] } }] })
    const query = 'GET /v1/workers/silent/assignments'
    assert.equal(((await call(query, machine)).body['assignments'] as Body[]).length, 1)
    await mesh.store.query(`update tasks set leased_until = now() where job_id = $1`, [jobId])
    await until(async () => (await read(`/v1/jobs/${jobId}`))['status'] === 'Failed')
    const dead = await read(`${DEAD}?job_id=${jobId}`, operator)
    const [task] = dead['tasks'] as Body[]
    assert.deepEqual([task?.['reason'], task?.['last_worker']], ['WORKER_LOST', 'http:silent'])
  })

  test('a tenant that submits too fast is told to wait, and the audit verifies', async () => {
    const limits = { requestsPerMinute: 1 }
    const { secret } = await mesh.make({ tenant: 'hasty', scopes: ['jobs'], limits })
    const statuses = []
    for (let n = 0; n < 2; n++) {
      const response = await mesh.ask('POST /v1/jobs', secret, { input: 'x' })
      statuses.push([response.status, response.headers.has('retry-after')])
    }
    assert.deepEqual(statuses, [
      [202, false],
      [429, true]
    ])
    const report = await read('/v1/admin/audit/verify', operator)
    assert.deepEqual(report['problems'], [])
    assert.ok((report['events'] as number) > 0)
    const csv = await mesh.ask('GET /v1/admin/audit?action=job.cancel&format=csv', operator)
    assert.match(await csv.text(), /acme,.*job\.cancel,job-[0-9a-f]{32},ok/)
  })

  test('examples/jobs.sh follows an analysis to its end', async () => {
    const text = await example('sh', 'jobs.sh')
    assert.match(text, /^job-[0-9a-f]{32}\n(?:id: \d+\n)?event: job\.snapshot\n/)
    assert.match(text, /event: job\.completed\n/)
    assert.match(text, /"task_id":"summarize"/)
    assert.match(text, /"result":\{"text":/)
  })

  test('examples/python_jobs.py maps and reduces', async () => {
    const lines = (await example('python3', 'python_jobs.py')).trimEnd().split('\n')
    assert.equal(lines[0], 'job.snapshot')
    const end = lines.indexOf('job.completed')
    assert.match(lines[end + 1]!, /^Completed \d+ of \d+ tasks$/)
    assert.ok(lines.slice(end + 2).join('').length > 0)
  })
})
