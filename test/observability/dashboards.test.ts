/** No dashboard, alert or table of metrics names what a running mesh does not measure. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { METRICS, type MetricName } from '#shared/telemetry/names.ts'
import { ask } from '../compose/load.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { liveMetrics, type Series } from '../helpers/mesh/live-metrics.ts'
import { freshDatabase } from '../helpers/stores/postgres.ts'
import { until } from '../helpers/until.ts'

const ROOT = join(import.meta.dirname, '../..')
const OBSERVABILITY = join(ROOT, 'observability')
const OF_THE_SDK = 'target_info'
/** Of Prometheus itself. */
const FROM_PROMETHEUS = new Set(['up'])
/** Counted where somebody asks what its role may not, and at relays: neither is in this mesh. */
const SELDOM = ['haif_calls_refused_total', 'haif_relay_']
const isSeldom = (name: string) => SELDOM.some((start) => name.startsWith(start))
const LABELS_OF_PROMETHEUS = new Set(['job', 'instance', 'le'])
const FUNCTIONS =
  /\b(sum|rate|increase|histogram_quantile|max|min|avg|count|deriv|max_over_time|by|and|unless|or)\b/g

interface Query {
  where: string
  expr: string
}

const queries: Query[] = [...dashboardQueries(), ...alertQueries()]
let mesh: Deployment
/** Of all services together. */
let live: Series[]
/** The names of their lines. */
let names: Set<string>

before(async () => {
  // Answers as Postgres answers whether it speaks TLS, and as Redis answers PING.
  const stub = createServer((socket) => {
    socket.once('data', () => socket.end('N'))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve))
  stub.unref()
  const address = `127.0.0.1:${(stub.address() as AddressInfo).port}`
  const database = await freshDatabase()
  mesh = await Deployment.start(['sim:sim?decode=inf'], {
    LOG_LEVEL: 'debug',
    DATABASE_URL: database
  })
  // A worker keeps nothing there: it only tells whether they answer.
  const watching = mesh.addWorker('sim:sim?decode=inf', {
    DATABASE_URL: `postgres://haif:secret@${address}/haif`,
    REDIS_URL: `redis://${address}`
  })
  await watching.up
  await mesh.addService('jobs', { DATABASE_URL: database }).up
  for (let request = 0; request < 10; request++) {
    const { done } = await ask(mesh.url, { prompt: 'hello', max_tokens: 8, tenant_id: 'a' })
    assert.ok(done)
  }
  await ask(mesh.url, { prompt: 5 })
  const refused = await ask(mesh.url, { prompt: 'hello', stop: ['.'] }) // by the worker
  assert.equal(refused.problem, 'UNSUPPORTED_PARAMETER')
  await runJob()
  await until(async () => {
    live = (await Promise.all(mesh.services.map(liveMetrics))).flat()
    names = new Set(live.map(({ name }) => name))
    return names.has('haif_requests_total') && names.has('haif_dependency_latency_seconds_count')
  })
})

after(async () => {
  await mesh[Symbol.asyncDispose]()
})

async function runJob(): Promise<void> {
  const submit = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input: 'hello' })
  }
  const { job_id } = (await (await fetch(`${mesh.url}/v1/jobs`, submit)).json()) as {
    job_id: string
  }
  const events = await (await fetch(`${mesh.url}/v1/jobs/${job_id}/stream`)).text()
  assert.match(events, /event: job\.completed/)
}

test('every metric that a dashboard or an alert asks for is live after ten requests', () => {
  assert.ok(queries.length > 40)
  const missing = queries.flatMap(({ where, expr }) =>
    namesIn(expr)
      .filter((name) => !names.has(name) && !FROM_PROMETHEUS.has(name))
      .map((name) => `${where}: ${name}`)
  )
  assert.deepEqual(missing, [])
})

test('every metric of the table is live, and nothing else is', () => {
  const isLive = (name: string) => names.has(name) || names.has(`${name}_count`)
  assert.deepEqual(
    Object.keys(METRICS).filter((name) => !isLive(name) && !isSeldom(name)),
    []
  )
  const known = (line: string) => baseName(line) in METRICS || line === OF_THE_SDK
  assert.deepEqual(
    [...names].filter((name) => !known(name)),
    []
  )
})

test('every label of the table is live, and no other is', () => {
  const told = new Set(
    live
      .filter(({ name }) => name !== OF_THE_SDK)
      .flatMap(({ name, labels }) =>
        Object.keys(labels).map((label) => `${baseName(name)} ${label}`)
      )
  )
  const known = new Set(
    Object.entries(METRICS).flatMap(([name, { labels }]) =>
      labels.map((label) => `${name} ${label}`)
    )
  )
  const bounds = (pair: string) => pair.endsWith(' le')
  assert.deepEqual(
    [...told.difference(known)].filter((pair) => !bounds(pair)),
    []
  )
  assert.deepEqual(
    [...known.difference(told)].filter((pair) => !isSeldom(pair)),
    []
  )
})

test('instruments are made in one place, from the table', () => {
  const sources = globSync('{cli,services,shared}/**/*.ts', { cwd: ROOT })
  const makers = sources.filter((path) =>
    /\.create(Observable)?(Counter|Gauge|Histogram|UpDownCounter)\(/.test(
      readFileSync(join(ROOT, path), 'utf8')
    )
  )
  assert.deepEqual(makers, ['shared/telemetry/instruments.ts'])
})

test('every label that a query names is one of its metrics', () => {
  const strange = queries.flatMap(({ where, expr }) => {
    const asked = namesIn(expr).map(baseName)
    const labels = new Set(
      asked.flatMap((name) => [...(METRICS[name as MetricName]?.labels ?? [])] as string[])
    )
    return labelsIn(expr)
      .filter((label) => !labels.has(label) && !LABELS_OF_PROMETHEUS.has(label))
      .map((label) => `${where}: ${label}`)
  })
  assert.deepEqual(strange, [])
})

test('every alert has its runbook, and every runbook its alert', () => {
  const alerts = alertRules().map(({ alert }) => alert)
  const runbooks = globSync('docs/runbooks/Haif*.md', { cwd: ROOT })
  assert.deepEqual(
    runbooks.map((path) => /(\w+)\.md$/.exec(path)![1] ?? '').toSorted(),
    alerts.toSorted()
  )
  for (const { alert, annotations } of alertRules()) {
    assert.equal(annotations['runbook_url'], `docs/runbooks/${alert}.md`)
  }
})

test('every alert is provoked in rules.test.yml', () => {
  const { tests } = parse(read('prometheus/rules.test.yml')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[]
  }
  const provoked = tests
    .flatMap(({ alert_rule_test }) => alert_rule_test)
    .filter(({ exp_alerts }) => exp_alerts.length > 0)
    .map(({ alertname }) => alertname)
  assert.deepEqual(
    alertRules().filter(({ alert }) => !provoked.includes(alert)),
    []
  )
})

function read(path: string): string {
  return readFileSync(join(OBSERVABILITY, path), 'utf8')
}

function alertRules(): { alert: string; expr: string; annotations: Record<string, string> }[] {
  const { groups } = parse(read('prometheus/rules/haif.yml')) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

function alertQueries(): Query[] {
  return alertRules().map(({ alert, expr }) => ({ where: alert, expr }))
}

function dashboardQueries(): Query[] {
  return globSync('grafana/dashboards/*.json', { cwd: OBSERVABILITY }).flatMap((file) => {
    const { title, panels } = JSON.parse(read(file)) as {
      title: string
      panels: { title: string; type: string; targets: { expr: string }[] }[]
    }
    return panels
      .filter(({ type }) => type !== 'logs')
      .flatMap((panel) =>
        panel.targets.map(({ expr }) => ({ where: `${title}, ${panel.title}`, expr }))
      )
  })
}

/** What is left of a query without its strings, selectors, groupings and functions. */
function namesIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\bby\s*\([^)]*\)/g, ' ')
    .replaceAll(FUNCTIONS, ' ')
  return bare.match(/[a-z_][a-z0-9_]*/g) ?? []
}

function labelsIn(expr: string): string[] {
  const matchers = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label!)
  const groupings = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, labels]) =>
    labels!.split(',').map((label) => label.trim())
  )
  return [...matchers, ...groupings]
}

const baseName = (name: string): string => {
  const base = name.replace(/_(bucket|sum|count)$/, '')
  return base in METRICS ? base : name
}
