/** The text of `haif status`, a function of the registry's snapshot and of the screen. */
import type {
  MeshSnapshot,
  ModelEntry,
  PeerEntry,
  WorkerModel
} from '#shared/contracts/peers/peers.ts'
import type { LinkState } from '#shared/contracts/peers/links.ts'
import type { Reach } from '#shared/mesh/discovery/mesh-address.ts'
import { compactAmount } from './amounts.ts'
import { downloadText } from './download-text.ts'
import { heading, table, wrap, type Cell } from './table.ts'
import { printableLine, shortKey, type Screen } from './terminal.ts'

export interface MeshStatus extends MeshSnapshot {
  /** Which machines can be peers. */
  reach: Reach
}

const BAR_CHARACTERS = 20
const INDENT = '  '

const REACHES: Record<Reach, string> = {
  local: 'on this machine',
  lan: 'on this network',
  public: 'across the internet'
}

export function renderStatus({ reach, peers, models }: MeshStatus, screen: Screen): string {
  const workers = peers.filter(({ role }) => role === 'worker')
  const others = peers.filter(({ role }) => role !== 'worker')
  const summary = `mesh ${REACHES[reach]}: ${count(peers.length, 'peer')}, ${count(models.length, 'model')}`
  const sections = [
    table([[{ text: summary }]], screen, ''),
    [heading('PEERS', screen), ...renderPeers(others, screen)],
    [heading('WORKERS', screen), ...renderWorkers(workers, heldAgainst(peers), screen)],
    [
      heading('MODELS', screen),
      ...renderModels(models, screen),
      ...models.flatMap(({ name }) => renderUnlike(name, workers, screen))
    ]
  ]
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

/** Also for `/models` in the chat. */
export function renderModels(models: readonly ModelEntry[], screen: Screen): string[] {
  if (models.length === 0) return [`${INDENT}no model is ready`]
  return table(models.map(modelCells), screen)
}

/** Answers depend on the worker where one name stands for several files. */
function renderUnlike(name: string, workers: readonly PeerEntry[], screen: Screen): string[] {
  const files = new Map<string, string[]>() // workers by digest
  for (const { key, worker } of workers) {
    for (const { name: held, state, digest } of worker?.models ?? []) {
      if (held !== name || state !== 'ready' || digest === undefined) continue
      files.set(digest, [...(files.get(digest) ?? []), shortKey(key)])
    }
  }
  if (files.size < 2) return []
  const where = [...files.values()].map((keys) => keys.slice(0, KEYS_SHOWN).join(', ')).join(' / ')
  const text = `${printableLine(name)}: its workers hold different models (${where}), so answers depend on the worker; give one of them another name`
  return wrap(text, screen, INDENT.repeat(2))
}

const KEYS_SHOWN = 4

function modelCells(model: ModelEntry): Cell[] {
  const { name, contextTokens, quantization, parameters, sizeBytes, engine } = model
  return [
    { text: printableLine(name), format: 'bold' },
    { text: holders(model) },
    { text: contextTokens === 0 ? '' : `context ${contextTokens}` },
    { text: quantization === undefined ? '' : printableLine(quantization) },
    { text: parameters === undefined ? '' : `${compactAmount(parameters)} parameters` },
    { text: sizeBytes === undefined || sizeBytes === 0 ? '' : fileSize(sizeBytes) },
    { text: printableLine(engine), format: 'dim' }
  ]
}

/** A peer's warnings stand below it. */
function renderPeers(peers: readonly PeerEntry[], screen: Screen): string[] {
  const rows = table(peers.map(peerCells), screen)
  return peers.flatMap(({ warnings = [] }, i) => [
    rows[i]!,
    ...warnings.flatMap((each) => wrap(printableLine(each), screen, INDENT.repeat(2)))
  ])
}

function peerCells(peer: PeerEntry): Cell[] {
  const { role, key, name = '', host, version } = peer
  return [
    { text: role },
    { text: name === host ? '' : printableLine(name), format: 'bold' },
    { text: shortKey(key), format: 'bold' },
    { text: printableLine(host) },
    { text: printableLine(version) },
    ...linkCells(working(peer))
  ]
}

/**
 * The connection over which a peer works: the slowest of those that the peers before it have, or
 * else the one to the registry.
 */
function working(peer: PeerEntry): LinkState {
  const [first, ...others] = peer.links ?? []
  return others.reduce(
    (slowest, link) => (link.rttMs > slowest.rttMs ? link : slowest),
    first ?? peer
  )
}

/** From here on a person sees answers stutter. */
const LOSS_SHOWN_PERCENT = 0.5

function linkCells({ path, relay, rttMs, lossPercent = 0, ...traffic }: LinkState): Cell[] {
  const { sentBytes = 0, receivedBytes = 0 } = traffic
  return [
    { text: rttMs < 1 ? '<1 ms' : `${Math.round(rttMs)} ms` },
    relay === undefined
      ? { text: PATHS[path] }
      : { text: `relayed by ${shortKey(relay)}`, format: 'yellow' },
    path === 'local' ? { text: '' } : { text: fileSize(sentBytes + receivedBytes), format: 'dim' },
    lossPercent < LOSS_SHOWN_PERCENT
      ? { text: '' }
      : { text: `${lossPercent} % lost`, format: 'yellow' }
  ]
}

const PATHS: Record<LinkState['path'], string> = {
  local: 'this machine',
  lan: 'this network',
  direct: 'direct',
  relayed: 'relayed'
}

/** By worker, what the orchestrators hold against it. */
function heldAgainst(peers: readonly PeerEntry[]): Map<string, string> {
  const held = peers.flatMap((peer) => peer.heldAgainst ?? [])
  return new Map(held.map(({ worker, reason }) => [worker, reason]))
}

function renderWorkers(
  workers: readonly PeerEntry[],
  held: ReadonlyMap<string, string>,
  screen: Screen
): string[] {
  if (workers.length === 0) return [`${INDENT}no worker is up: start one with "haif join"`]
  const heads = table(workers.map(workerCells), screen)
  return workers.flatMap((worker, i) => [
    heads[i]!,
    ...renderMachine(worker, screen),
    ...renderFaults(held.get(worker.key), screen),
    ...renderHeld(worker, screen)
  ])
}

function renderFaults(reason: string | undefined, screen: Screen): string[] {
  if (reason === undefined) return []
  const text = `held against it: ${printableLine(reason)}`
  return table([[{ text, format: 'yellow' }]], screen, INDENT.repeat(2))
}

/** Processor, memory and GPUs, in a line. */
function renderMachine({ worker }: PeerEntry, screen: Screen): string[] {
  if (worker?.hardware === undefined) return []
  const { cpu, ram, gpu } = worker.hardware
  const facts = [
    `${printableLine(cpu.model)}, ${count(cpu.cores, 'core')}`,
    `${fileSize(ram.freeBytes)} of ${fileSize(ram.totalBytes)} RAM free`
  ]
  if (gpu !== undefined) {
    const names = gpu.names.map((name) => printableLine(name)).join(', ')
    const memory = `${fileSize(gpu.freeBytes)} of ${fileSize(gpu.totalBytes)} VRAM free`
    facts.push(`${names} (${printableLine(gpu.backend)}), ${memory}`)
  }
  if (worker.gpuNote !== undefined) facts.push(printableLine(worker.gpuNote))
  return table([[{ text: facts.join('; '), format: 'dim' }]], screen, INDENT.repeat(2))
}

function workerCells(peer: PeerEntry): Cell[] {
  const [_role, ...cells] = peerCells(peer)
  const draining = peer.worker?.draining === true
  return [...cells, draining ? { text: 'stopping', format: 'yellow' } : { text: '' }]
}

function renderHeld({ worker }: PeerEntry, screen: Screen): string[] {
  const held = worker?.models ?? []
  const rows = table(held.map(heldCells), screen, `${INDENT}${INDENT}`)
  return held.flatMap(({ state, error = 'no reason was given', notice }, i) => {
    const said = state === 'failed' ? error : state === 'loading' ? notice : undefined
    const below = said === undefined ? [] : wrap(printableLine(said), screen, INDENT.repeat(3))
    return [rows[i]!, ...below]
  })
}

const LOADING = {
  downloading: 'downloading',
  waitingForMemory: 'waiting for memory',
  loading: 'loading'
} as const

function heldCells(model: WorkerModel): Cell[] {
  const name: Cell = { text: printableLine(model.name) }
  switch (model.state) {
    case 'loading':
      // What was ready has told why it is not.
      if (model.notice !== undefined) return [name, { text: 'not ready', format: 'yellow' }]
      return [
        name,
        { text: LOADING[model.phase ?? 'loading'], format: 'yellow' },
        { text: bar(model.progress ?? 0) },
        { text: model.download === undefined ? '' : downloadText(model.download) }
      ]
    case 'failed':
      return [name, { text: 'failed', format: 'red' }]
    case 'loadable':
      return [name, { text: 'loadable' }, { text: 'a request loads it' }]
    case 'ready': {
      const { slots, running, waiting, contextTokens, decodeTokensPerSecond } = model
      const rate = Math.round(decodeTokensPerSecond)
      return [
        name,
        { text: 'ready', format: 'green' },
        { text: `${running} of ${slots} running, ${waiting} waiting` },
        { text: contextTokens === undefined ? '' : `context ${contextTokens}` },
        { text: placeOf(model) },
        { text: rate === 0 ? '' : `${rate} tokens/s` }
      ]
    }
  }
}

/** What computes it, and the memory that it takes there. */
function placeOf({ backend, memory }: WorkerModel): string {
  if (backend === undefined) return ''
  const { ramBytes = 0, vramBytes = 0 } = memory ?? {}
  const taken = backend === 'cpu' ? `${fileSize(ramBytes)} RAM` : `${fileSize(vramBytes)} VRAM`
  return `${printableLine(backend)}, ${taken}`
}

function bar(progress: number): string {
  const full = Math.round(progress * BAR_CHARACTERS)
  const percent = Math.floor(progress * 100)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)} ${percent} %`
}

/** How many have it ready, or else how many would load it. */
function holders({ workers, loadable = [] }: ModelEntry): string {
  if (workers.length > 0 || loadable.length === 0) return count(workers.length, 'worker')
  return `loadable on ${count(loadable.length, 'worker')}`
}

const count = (number: number, thing: string): string =>
  `${number} ${thing}${number === 1 ? '' : 's'}`

function fileSize(bytes: number): string {
  const [unit, letter] = UNITS.findLast(([least]) => bytes >= least) ?? [1, 'B']
  return `${Number((bytes / unit).toPrecision(3))} ${letter}`
}

const UNITS = [
  [1e3, 'kB'],
  [1e6, 'MB'],
  [1e9, 'GB'],
  [1e12, 'TB']
] as const
