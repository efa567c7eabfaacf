/** `haif models`: which models there are, and where; and bringing, loading and removing them. */
import { totalmem } from 'node:os'
import process from 'node:process'
import type { Command } from 'commander'
import type { ModelAction, ModelView } from '#shared/contracts/http/admin/models.ts'
import { orderModel, prefetchModel, viewModels } from '#shared/contracts/peers/operating.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { KNOWN_MODELS, knownModel, modelUri } from '#shared/models/known-models.ts'
import { fetchModel, removeModel } from '../../../services/worker/models/sources/fetch-model.ts'
import { parseHubUri, readHub, type HubUri } from '../../../services/worker/models/sources/hub.ts'
import { askGateway, line, print, type CommonOptions } from '../../ask/gateway-call.ts'
import { downloadText } from '../../screen/download-text.ts'
import { listenForEnd } from '../../screen/ending.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf, shortKey } from '../../screen/terminal.ts'
import { TOPIC_KEY } from '../options/options.ts'
import { followModel } from './follow-model.ts'

const GB = 1e9

interface OnOptions extends CommonOptions {
  on?: string
}

export function addModelsCommand(program: Command): void {
  const models = program.command('models').description('list, search, bring and load models')
  addModelActs(models)
  for (const [action, text] of Object.entries(ORDERS)) {
    option(models.command(`${action} <model>`), text)
      .requiredOption('--on <worker>', 'the worker: its name or key')
      .action(async (model: string, _options: unknown, command: Command) =>
        order(action as ModelAction, model, command.optsWithGlobals())
      )
  }
  option(
    models.command('prefetch <model>'),
    'bring a model to the disks of workers, before anybody asks for it'
  )
    .option('--workers <names>', 'names or keys, separated by commas; all workers unless given')
    .option('--source <uri>', 'where it comes from, as hf:user/repo:QUANT or sha256:…')
    .option('--again', 'also on workers that have it')
    .action(prefetch)
  option(
    models.command('search [text]'),
    'models with short names, and whether they fit here'
  ).action((text: string | undefined, options: CommonOptions) => search(text, options))
  option(models.command('show <model>'), 'all that is known of one').action(show)
}

const ORDERS = {
  load: 'load a model into the memory of a worker, fetched before where it is not there',
  unload: 'take a model out of the memory of a worker',
  pin: 'load a model and keep it in memory'
}

/** `haif ls`, `ps`, `pull` and `rm` mean these, too. */
function addModelActs(parent: Command): void {
  option(parent.command('ls'), 'list the models of the mesh, and who has them').action(
    (options: CommonOptions) => list(options, () => true)
  )
  option(parent.command('ps'), 'list the models that are in memory').action(
    (options: CommonOptions) => list(options, (state) => state === 'ready' || state === 'loading')
  )
  option(parent.command('pull <model>'), 'download a model; goes on where it broke off')
    .option('--on <worker>', 'to that worker instead of this machine')
    .action((model: string, options: OnOptions) =>
      options.on === undefined ? pull(model, options) : order('fetch', model, options)
    )
  option(parent.command('rm <model>'), 'delete the files of a downloaded model')
    .option('--on <worker>', 'on that worker instead of this machine')
    .action((model: string, options: OnOptions) =>
      options.on === undefined ? remove(model, options) : order('delete', model, options)
    )
}

const option = (command: Command, description: string): Command =>
  command
    .description(description)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)

async function list(options: CommonOptions, wanted: (state: string) => boolean): Promise<void> {
  const { models } = await askGateway(viewModels, {}, options)
  const shown = models
    .map((model) => ({ ...model, workers: model.workers.filter(({ state }) => wanted(state)) }))
    .filter(({ workers }) => workers.length > 0)
  const rows = shown.flatMap(modelRows)
  print(
    { models: shown },
    rows.length === 0 ? [NONE] : table(rows, screenOf(process.stdout), ''),
    options
  )
}

const NONE = 'no models; "haif models search" lists some that fit this machine'

const modelRows = (model: ModelView): Cell[][] =>
  model.workers.map((holder) => {
    const { worker, name = shortKey(worker), state, download, error, running, slots } = holder
    const busy = state === 'ready' ? `${running}/${slots} run` : (error ?? '')
    const how = download === undefined ? busy : downloadText(download)
    const size = model.sizeBytes === undefined ? '' : gigabytes(model.sizeBytes)
    return [
      { text: line(model.name) + (model.default ? ' *' : ''), format: 'bold' as const },
      { text: line(name) },
      { text: state, format: state === 'ready' ? ('green' as const) : ('yellow' as const) },
      { text: size },
      { text: line(how) }
    ]
  })

async function order(action: ModelAction, model: string, options: OnOptions): Promise<void> {
  const { on = '' } = options
  const ordered = await askGateway(orderModel, { id: on, action, model }, options)
  const { worker, model: named } = ordered
  const isUnderWay = ordered.state === 'loading'
  if (isUnderWay && process.stderr.isTTY && options.json !== true) {
    await followModel({ action, model: named, worker }, options)
    return print(ordered, [line(`${named} is on ${on}`)], options)
  }
  const state = ordered.state === undefined ? 'gone' : ordered.state
  const text = `${ordered.model} on ${on} is ${state}; "haif ls" shows how far it is`
  print(ordered, [line(text)], options)
}

interface PrefetchOptions extends CommonOptions {
  workers?: string
  source?: string
  again?: boolean
}

async function prefetch(model: string, options: PrefetchOptions): Promise<void> {
  const { workers, source, again = false } = options
  const wish = {
    model,
    ...(workers === undefined ? {} : { workers: workers.split(',').map((each) => each.trim()) }),
    ...(source === undefined ? {} : { source }),
    ...(again ? { onlyMissing: false } : {})
  }
  const prefetched = await askGateway(prefetchModel, wish, options)
  const rows = prefetched.workers.map(({ worker, name = shortKey(worker), outcome, error }) => [
    { text: line(name) },
    { text: outcome, format: outcome === 'failed' ? ('red' as const) : ('green' as const) },
    { text: line(error?.message ?? '') }
  ])
  const note = `"haif ls" shows how far ${prefetched.model} is on each`
  print(prefetched, [...table(rows, screenOf(process.stdout), ''), line(note)], options)
  if (prefetched.workers.every(({ outcome }) => outcome === 'failed')) process.exitCode = 1
}

function hubUri(text: string): HubUri {
  const uri = modelUri(text)
  if (uri.startsWith('hf:')) return parseHubUri(uri)
  const names = KNOWN_MODELS.map(({ name }) => name).join(', ')
  throw new HaifError(
    'VALIDATION_FAILED',
    `"${text}" is neither a short name (${names}) nor hf:user/repo:QUANT nor an address on the hub`
  )
}

/** The bar stands on stderr, so that what comes out can be piped. */
async function pull(model: string, options: CommonOptions): Promise<void> {
  using ending = listenForEnd()
  const uri = hubUri(model)
  const { isTTY } = process.stderr
  if (isTTY) process.stderr.write(`${fits(model)}\n`)
  try {
    const found = await fetchModel(uri, {
      folder: new Home(process.env).models,
      hub: readHub(process.env),
      signal: ending.signal,
      onProgress: ({ totalBytes, ...done }) => {
        const text = downloadText(totalBytes === null ? done : { ...done, totalBytes })
        if (isTTY) process.stderr.write(`\r${text}\u001B[K`)
      }
    })
    if (isTTY) process.stderr.write('\r\u001B[K')
    const files = found.files.map(({ path, digest }) => ({ path, sha256: digest }))
    const next = `haif up --model ${uri.text}`
    print(
      { model: uri.name, uri: uri.text, files },
      [`${uri.name} is here; "${next}" runs it`],
      options
    )
  } catch (error) {
    if (!ending.signal.aborted) throw error
    process.stderr.write(`\n"haif pull ${line(model)}" goes on from here\n`)
    process.exitCode = ending.exitCode
  }
}

async function remove(model: string, options: CommonOptions): Promise<void> {
  const uri = hubUri(model)
  const removed = await removeModel(uri, new Home(process.env).models)
  if (!removed) throw new HaifError('NOT_FOUND', `${uri.text} is not on this machine`)
  print({ model: uri.name, removed }, [`${uri.name} is removed from this machine`], options)
}

/** The table comes with HAIF: it needs no network, and is no search of the hub. */
function search(text = '', options: CommonOptions): void {
  const words = text.toLowerCase()
  const found = KNOWN_MODELS.filter(({ name, goodAt }) => `${name} ${goodAt}`.includes(words))
  const rows = found.map((model): Cell[] => [
    { text: model.name, format: 'bold' },
    { text: model.parameters },
    { text: sizeOf(model) },
    { text: fitsHere(model.memoryBytes), format: model.memoryBytes < totalmem() ? 'green' : 'red' },
    { text: model.goodAt }
  ])
  const note = 'from the table that comes with HAIF; any GGUF of the hub works as user/repo:QUANT'
  print(
    { models: found, source: 'table' },
    [...table(rows, screenOf(process.stdout), ''), note],
    options
  )
}

async function show(model: string, options: CommonOptions): Promise<void> {
  const known = knownModel(model)
  if (known !== undefined) {
    const size = sizeOf(known)
    const text = `${known.name}: ${known.parameters}, ${size}, ${known.goodAt}`
    return print(known, [text, known.uri, fits(model)], options)
  }
  const { models } = await askGateway(viewModels, {}, options)
  const found = models.find(({ name }) => name === model)
  if (found === undefined) throw new HaifError('MODEL_NOT_FOUND', `no worker holds ${model}`)
  const { digest, quantization = '', contextTokens } = found
  const facts = line(`${quantization} context ${contextTokens} SHA-256 ${digest}`)
  print(found, [...table(modelRows(found), screenOf(process.stdout), ''), facts.trim()], options)
}

function fits(model: string): string {
  const known = knownModel(model)
  return known === undefined ? '' : fitsHere(known.memoryBytes)
}

function fitsHere(needed: number): string {
  const figures = `needs about ${gigabytes(needed)} of ${gigabytes(totalmem())}`
  return `${needed < totalmem() ? 'fits' : 'too large'}: ${figures}`
}

const sizeOf = ({
  sizeBytes,
  isSizeListed
}: {
  sizeBytes: number
  isSizeListed: boolean
}): string => `${isSizeListed ? '' : 'about '}${gigabytes(sizeBytes)}`

const gigabytes = (bytes: number): string => `${(bytes / GB).toFixed(1)} GB`
