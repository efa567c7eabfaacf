/** The deployment's files agree with the code and with each other; running them is test/compose. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import process from 'node:process'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { METRICS_PORT } from '#shared/telemetry/endpoint.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

interface Service {
  image: string
  build?: unknown
  entrypoint?: string[]
  command?: string[]
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  restart?: string
  read_only?: boolean
  mem_limit?: string
  healthcheck?: { test: string[] }
  depends_on?: Record<string, unknown>
  networks?: unknown
  profiles?: string[]
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>
  volumes: Record<string, unknown>
}
/** Only root may give files to the users of other containers. */
const isRoot = process.getuid?.() === 0
const services = Object.entries(compose.services)
const own = services.filter(([, { build }]) => build !== undefined)
const haif = own.filter(([, { command }]) => command?.[0] === 'service')

test('every service of HAIF is in the deployment, and every command is one that HAIF has', () => {
  const mains = globSync('services/*/main.ts', { cwd: ROOT }).map((path) => path.split('/')[1]!)
  const elsewhere = new Set(['relay']) // for a machine that everybody can reach
  const expected = mains.filter((name) => !elsewhere.has(name))
  assert.deepEqual(haif.map(([name]) => name).toSorted(), expected.toSorted())
  for (const [name, { command }] of haif) assert.deepEqual(command, ['service', name])
  for (const [name, { entrypoint, command = [] }] of own) {
    if (entrypoint === undefined) continue
    assert.ok(existsSync(join(ROOT, command[0]!)), `${name}: ${command[0]}`)
  }
})

test('every variable of the deployment is one that the code or an image reads', () => {
  const sources = globSync('{shared,services,cli}/**/*.ts', { cwd: ROOT }).map(read).join('\n')
  const byTheSdk = new Set(['OTEL_EXPORTER_OTLP_ENDPOINT'])
  for (const [name, { environment = {} }] of own) {
    for (const variable of Object.keys(environment)) {
      const names = [variable, variable.replace(/_FILE$/, '')]
      const isRead = names.some((each) => sources.includes(`'${each}'`))
      assert.ok(isRead || byTheSdk.has(variable), `${name}: ${variable}`)
    }
  }
})

test('.env.example names every variable, with the value that it has without it', () => {
  const files = globSync('docker-compose*.yml', { cwd: ROOT }).map(read).join('\n')
  const used = new Map(
    [...files.matchAll(/\$\{(\w+)(?::?-([^}]*))?\}/g)].map(([, name, fallback]) => [
      name!,
      fallback ?? ''
    ])
  )
  const told = new Map(
    [...read('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!])
  )
  assert.deepEqual([...told.keys()].toSorted(), [...used.keys()].toSorted())
  for (const [name, value] of told) assert.equal(value, used.get(name), name)
})

test('a relay has the network of its machine, shows nothing of itself there, and is not here', () => {
  const file = parse(read('docker-compose.relay.yml')) as {
    services: Record<string, Service & { network_mode?: string; cap_drop?: string[] }>
    volumes: Record<string, unknown>
  }
  const { relay, ...others } = file.services
  assert.deepEqual(Object.keys(others), [])
  assert.deepEqual(relay!.command, ['service', 'relay'])
  assert.equal(relay!.network_mode, 'host')
  assert.equal(relay!.environment!['METRICS_HOST'], '127.0.0.1') // the image says 0.0.0.0
  assert.ok(relay!.read_only)
  assert.deepEqual(relay!.cap_drop, ['ALL'])
  assert.equal(relay!.restart, 'unless-stopped')
  assert.ok(relay!.mem_limit !== undefined)
  assert.deepEqual(relay!.volumes, ['relay:/data'])
  assert.deepEqual(Object.keys(file.volumes), ['relay'])
  assert.equal('relay' in compose.services, false)
})

test('orchestrators and gateways have the state, workers and the bridge have none', () => {
  const has = (name: string) =>
    ['DATABASE_URL_FILE', 'REDIS_URL_FILE'].map(
      (variable) => variable in (compose.services[name]!.environment ?? {})
    )
  for (const name of ['orchestrator', 'gateway']) assert.deepEqual(has(name), [true, true], name)
  for (const name of ['worker', 'http-bridge']) assert.deepEqual(has(name), [false, false], name)
})

test('nothing is published beyond this machine', () => {
  for (const [name, { ports = [] }] of services) {
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name)
  }
})

test('every container starts again, has its share of memory, and images are pinned', () => {
  for (const [name, { restart, mem_limit: memory, image }] of services) {
    assert.equal(restart, 'unless-stopped', name)
    assert.ok(memory !== undefined, name)
    assert.match(image, /:[\w.-]*(\d|local)[\w.-]*$/, name)
    assert.ok(!image.endsWith(':latest'), name)
  }
})

test('the containers of HAIF are read-only, and a worker has neither a name nor a port', () => {
  for (const [name, service] of own) {
    assert.equal(service.read_only, true, name)
    assert.ok(service.healthcheck!.test.join(' ').includes('docker/health-check.sh'), name)
  }
  const worker = compose.services['worker']!
  assert.equal('container_name' in worker, false)
  assert.equal(worker.ports, undefined)
})

test('no password is public knowledge, and each service reads only its own', () => {
  const text = read('docker-compose.yml')
  assert.doesNotMatch(text, /PASSWORD:-\w/)
  const script = read('docker/make-secrets.sh')
  for (const name of ['postgres', 'redis', 'grafana']) {
    const { volumes = [], depends_on: after = {} } = compose.services[name]!
    const secrets = volumes.filter((volume) => volume.includes('-secret:'))
    assert.deepEqual(secrets, [`${name}-secret:/run/secrets:ro`])
    assert.ok('secrets' in after, name)
    assert.ok(script.includes(`password /secrets/${name}/password`), name)
  }
  assert.match(String(compose.services['redis']!.command), /requirepass/)
})

test('no container reads what Docker keeps of the others', () => {
  assert.doesNotMatch(read('docker-compose.yml'), /\/var\/lib\/docker|docker\.sock/)
})

test('the image installs what the lock file names', () => {
  for (const file of ['install-packages.sh', 'install-page-tools.sh']) {
    assert.match(read(`docker/${file}`), /^npm ci .*--ignore-scripts/m, file)
  }
})

test('the passwords are made once, and those that are given count', { skip: !isRoot }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'haif-secrets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const script = read('docker/make-secrets.sh').replaceAll('/secrets/', `${folder}/`)
  const make = (env: Record<string, string>) => {
    const names = { POSTGRES_USER: 'haif', POSTGRES_DB: 'haif' }
    const options = { env: { PATH: process.env['PATH'], ...names, ...env } }
    const { status, stderr } = spawnSync('sh', ['-c', script], { ...options, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return readFileSync(join(folder, 'state/database.url'), 'utf8')
  }
  for (const name of ['postgres', 'redis', 'grafana', 'state']) mkdirSync(join(folder, name))
  const first = make({})
  assert.match(first, /^postgres:\/\/haif:[0-9a-f]{48}@postgres:5432\/haif$/)
  assert.equal(make({}), first)
  assert.equal(make({ POSTGRES_PASSWORD: 'given' }), 'postgres://haif:given@postgres:5432/haif')
})

test('volumes and mounted files are there', () => {
  for (const [name, { volumes = [] }] of services) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':')
      if (source.startsWith('./')) assert.ok(existsSync(join(ROOT, source)), `${name}: ${source}`)
      else if (!source.startsWith('$')) assert.ok(source in compose.volumes, `${name}: ${source}`)
    }
  }
})

test('Prometheus reads every service of HAIF, where it serves its metrics', () => {
  const { scrape_configs: jobs } = parse(read('observability/prometheus/prometheus.yml')) as {
    scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; port: number }[] }[]
  }
  assert.deepEqual(
    jobs.map((job) => job.job_name).toSorted(),
    haif.map(([name]) => name).toSorted()
  )
  for (const { job_name: name, dns_sd_configs: found } of jobs) {
    assert.deepEqual(found[0]!.names, [name])
    assert.equal(found[0]!.port, METRICS_PORT)
  }
})

test('every configuration that is mounted can be read', () => {
  for (const file of globSync('observability/**/*.yml', { cwd: ROOT }))
    assert.ok(parse(read(file)), file)
  for (const file of globSync('observability/**/*.json', { cwd: ROOT })) JSON.parse(read(file))
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

test(
  'promtool takes configuration and rules, and every alert fires when it should',
  {
    skip: hasPromtool ? false : 'promtool is not installed (Debian: apt-get install prometheus)'
  },
  () => {
    const folder = join(ROOT, 'observability/prometheus')
    for (const args of [
      ['check', 'config', 'prometheus.yml'],
      ['test', 'rules', 'rules.test.yml']
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, {
        cwd: folder,
        encoding: 'utf8'
      })
      assert.equal(status, 0, stdout + stderr)
    }
  }
)
