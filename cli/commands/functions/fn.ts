/** `haif fn`: functions and pipelines of the catalogue. */
import process from 'node:process'
import { InvalidArgumentError, type Command } from 'commander'
import {
  gatewayDescribeObject,
  gatewayListObjects,
  gatewayPublishObject,
  gatewaySetGrant,
  gatewaySetLibrary,
  gatewayStartRun
} from '#shared/contracts/functions/callers.ts'
import {
  GRANT_SCOPES,
  VISIBILITIES,
  type GrantScope,
  type ObjectQuery
} from '#shared/contracts/functions/objects.ts'
import { OFFLINE_POLICIES, type OfflinePolicy } from '#shared/contracts/functions/subject.ts'
import type { StartRun } from '#shared/contracts/functions/runs.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { createContext } from '#shared/rpc/context.ts'
import { askGateway, print, withGateways, type CommonOptions } from '../../ask/gateway-call.ts'
import { bundlesIn, sealWith } from '../../ask/publisher.ts'
import { renderObject, renderObjects, renderRun } from '../../screen/render-functions.ts'
import { screenOf } from '../../screen/terminal.ts'
import { collect, oneOf, TOPIC_KEY, wholeNumber } from '../options/options.ts'
import { showLogs } from './runs.ts'

const WAIT_MS_MAX = 600_000
const AROUND_MS = 30_000

export function addFnCommand(program: Command): void {
  const fn = program.command('fn').description('functions and pipelines: publish, find, call')
  addPublish(fn)
  addCall(fn)
  fn.command('ls', { isDefault: true })
    .description('list functions and pipelines')
    .option('--owner <tenant>', 'of one owner')
    .option('--library <name>', 'of one library')
    .option('--search <text>', 'a part of the name or the description')
    .option('--limit <n>', 'how many', wholeNumber(1, 500), 100)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(list)
  fn.command('show <object>')
    .description('its inputs and outputs, its versions')
    .option('--source', 'with its bundle')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (ref: string, { source, ...options }: CommonOptions & { source?: true }) => {
      const wish = source === true ? { ref, source } : { ref }
      const found = await askGateway(gatewayDescribeObject, wish, options)
      print(found, renderObject(found, screenOf(process.stdout)), options)
    })
  fn.command('logs <run>')
    .description('what a run has printed')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(showLogs)
  addLibrary(fn)
}

interface PublishOptions extends CommonOptions {
  library?: string
  function?: string[]
  name?: string
}

function addPublish(fn: Command): void {
  fn.command('publish <file>')
    .description('publish the functions of a Python file; the same again is no new version')
    .option('--library <name>', 'a library of yours; otherwise main')
    .option('--function <name>', 'only this one; repeatable', collect)
    .option('--name <name>', 'what it is called; otherwise as in the file')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(publish)
}

async function publish(file: string, options: PublishOptions): Promise<void> {
  const { library, function: names = [], name } = options
  const home = new Home(process.env)
  const bundles = await bundlesIn(file, names)
  if (name !== undefined && bundles.length > 1) {
    throw new HaifError('VALIDATION_FAILED', '--name is for one function: add --function')
  }
  const published = []
  for (const each of bundles) {
    const seal = sealWith(home.folder, each.bundle)
    const of = library === undefined ? {} : { library }
    const wish = { name: name ?? each.name, bundle: each.bundle, seal, ...of }
    published.push(await askGateway(gatewayPublishObject, wish, options))
  }
  const lines = published.map(({ object, isNew }) => {
    const { owner, library: of, name: called, version } = object
    return `${owner}/${of}/${called}@${version.number}${isNew ? '' : ' (as before)'}`
  })
  print(published, lines, options)
}

interface CallOptions extends CommonOptions {
  on?: string
  offline?: OfflinePolicy
  wait: number
  key?: string
  submit?: true
}

function addCall(fn: Command): void {
  fn.command('call <object> [arguments...]')
    .description('run it, with arguments as a=1; what is no JSON is text')
    .option('--on <machine>', 'the worker that runs it')
    .option('--offline <policy>', OFFLINE_POLICIES.join(', '), oneOf(OFFLINE_POLICIES))
    .option('--wait <seconds>', 'how long to wait for the result', wholeNumber(0, 600), 60)
    .option('--submit', 'do not wait')
    .option('--key <text>', 'the same key starts the same run, however often')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(call)
}

async function call(object: string, given: string[], options: CallOptions): Promise<void> {
  const { on, offline, wait, key, submit } = options
  const waitMs = submit === true ? 0 : Math.min(wait * 1000, WAIT_MS_MAX)
  const run: StartRun = {
    object,
    arguments: Object.fromEntries(given.map(argumentIn)),
    waitMs,
    ...(on === undefined ? {} : { machine: on }),
    ...(offline === undefined ? {} : { offlinePolicy: offline })
  }
  await withGateways(options, async ({ peers }) => {
    using context = createContext({ timeoutMs: waitMs + AROUND_MS })
    const wish = key === undefined ? { run } : { run, idempotencyKey: key }
    const view = await peers.call(gatewayStartRun, wish, context)
    print(view, renderRun(view, screenOf(process.stdout)), options)
    if (view.status === 'Failed' || view.status === 'Canceled') process.exitCode = 1
  })
}

function argumentIn(text: string): [string, unknown] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError(`${text} is no argument: write name=value`)
  const value = text.slice(at + 1)
  try {
    return [text.slice(0, at), JSON.parse(value) as unknown]
  } catch {
    return [text.slice(0, at), value]
  }
}

type ListOptions = CommonOptions & ObjectQuery

async function list({ owner, library, search, limit, ...options }: ListOptions): Promise<void> {
  const query: ObjectQuery = {}
  if (owner !== undefined) query.owner = owner
  if (library !== undefined) query.library = library
  if (search !== undefined) query.search = search
  if (limit !== undefined) query.limit = limit
  const page = await askGateway(gatewayListObjects, query, options)
  print(page, renderObjects(page.objects, screenOf(process.stdout)), options)
}

interface LibraryOptions extends CommonOptions {
  visibility?: (typeof VISIBILITIES)[number]
  machine?: string
  warm?: boolean
}

function addLibrary(fn: Command): void {
  fn.command('library <name>')
    .description('make a library, or change who sees it and how its functions run')
    .option('--visibility <who>', VISIBILITIES.join(', '), oneOf(VISIBILITIES))
    .option('--machine <name>', 'where its functions run unless a call says otherwise')
    .option('--warm', 'keep processes between two calls of a function')
    .option('--no-warm', 'a process for each call')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (library: string, options: LibraryOptions) => {
      const { visibility, machine, warm } = options
      const policy = {
        ...(machine === undefined ? {} : { machine }),
        ...(warm === undefined ? {} : { warm })
      }
      const isSet = Object.keys(policy).length > 0
      const wish = { library, ...(visibility === undefined ? {} : { visibility }) }
      const changed = await askGateway(
        gatewaySetLibrary,
        isSet ? { ...wish, policy } : wish,
        options
      )
      print(changed, [`${changed.owner}/${changed.library} is ${changed.visibility}`], options)
    })
  fn.command('grant <library> <tenant> [scopes...]')
    .description(`grant ${GRANT_SCOPES.join(', ')} to a tenant, or to * for all; none withdraw it`)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (library: string, to: string, given: string[], options: CommonOptions) => {
      const parse = oneOf(GRANT_SCOPES)
      const scopes = given.map((scope): GrantScope => parse(scope))
      const changed = await askGateway(gatewaySetGrant, { library, to, scopes }, options)
      const what = scopes.length === 0 ? 'nothing' : scopes.join(', ')
      print(changed, [`${to} may ${what} in ${changed.owner}/${changed.library}`], options)
    })
}
