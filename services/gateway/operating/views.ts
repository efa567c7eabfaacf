/** The mesh as operators see it, made from what the registry has. Pure. */
import type { MeshView, PeerView } from '#shared/contracts/http/admin/mesh.ts'
import type { ModelView } from '#shared/contracts/http/admin/models.ts'
import type { WorkerState, WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { MeshSnapshot, PeerEntry, WorkerReport } from '#shared/contracts/peers/peers.ts'

const WARNINGS_MAX = 64
const NEEDS_MAX = 100

export function workerViews({ peers }: MeshSnapshot): WorkerView[] {
  const held = heldAgainst(peers)
  return peers.flatMap((peer) =>
    peer.worker === undefined ? [] : [workerView(peer, peer.worker, held.get(peer.key) ?? [])]
  )
}

function workerView(peer: PeerEntry, worker: WorkerReport, held: readonly string[]): WorkerView {
  const { key, role: _role, worker: _worker, heldAgainst: _held, warnings = [], ...entry } = peer
  const { models, draining: _draining, paused: _paused, gpuNote, ...machine } = worker
  const all = [...warnings, ...held, ...(gpuNote === undefined ? [] : [gpuNote])]
  const sum = (of: 'slots' | 'running' | 'waiting') =>
    models.reduce((total, model) => total + model[of], 0)
  return {
    ...entry,
    ...machine,
    id: key,
    state: stateOf(worker),
    models,
    slots: sum('slots'),
    running: sum('running'),
    waiting: sum('waiting'),
    warnings: all.slice(0, WARNINGS_MAX)
  }
}

function stateOf({ models, draining, paused = false }: WorkerReport): WorkerState {
  if (paused) return 'paused'
  if (draining) return 'draining'
  if (models.length === 0) return 'empty'
  const has = (...states: string[]) => models.some(({ state }) => states.includes(state))
  if (has('ready', 'loadable')) return 'ready'
  return has('loading') ? 'loading' : 'failed'
}

export function modelViews(snapshot: MeshSnapshot, defaultModel: string | undefined): ModelView[] {
  const views = new Map<string, ModelView>()
  for (const { key, name, worker } of snapshot.peers) {
    for (const model of worker?.models ?? []) {
      const view = views.get(model.name) ?? emptyModel(model.name, defaultModel)
      views.set(model.name, view)
      const { digest, engine, contextTokens, quantization, parameters, sizeBytes } = model
      const { capabilities, ...held } = model
      // A worker that has loaded a model knows more of it than one that has not opened it yet.
      if (view.digest === '') {
        const facts = { digest, engine, contextTokens, quantization, parameters, sizeBytes }
        Object.assign(view, known({ ...facts, capabilities }))
      }
      view.workers.push({ ...held, worker: key, ...(name === undefined ? {} : { name }) })
      if (name === undefined) delete view.workers.at(-1)!.name
    }
  }
  return [...views.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const emptyModel = (name: string, defaultModel: string | undefined): ModelView => ({
  name,
  default: name === defaultModel,
  digest: '',
  engine: '',
  contextTokens: 0,
  workers: []
})

const known = (facts: object): object =>
  Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined))

export function peerView(peer: PeerEntry): PeerView {
  const { key, worker: _worker, heldAgainst: _held, warnings = [], ...entry } = peer
  return { ...entry, id: key, warnings }
}

interface Here {
  version: string
  tokensNeeded: boolean
}

/** `peersMax`: a reply holds so many. */
export function meshView(snapshot: MeshSnapshot, here: Here, peersMax: number): MeshView {
  const workers = workerViews(snapshot)
  const of = (state: WorkerState) => workers.filter((worker) => worker.state === state).length
  const sum = (amount: (worker: WorkerView) => number | undefined) =>
    workers.reduce((total, worker) => total + (amount(worker) ?? 0), 0)
  const { models } = snapshot
  return {
    now: snapshot.now ?? Date.now(),
    ...here,
    peers: snapshot.peers.slice(0, peersMax).map(peerView),
    total: snapshot.peers.length,
    workers: {
      total: workers.length,
      ready: of('ready'),
      paused: of('paused'),
      failed: of('failed')
    },
    models: {
      ready: models.filter((model) => model.workers.length > 0).length,
      loadable: models.filter((model) => model.workers.length === 0).length
    },
    slots: {
      total: sum(({ slots }) => slots),
      running: sum(({ running }) => running),
      waiting: sum(({ waiting }) => waiting)
    },
    memory: {
      ramTotalBytes: sum(({ hardware }) => hardware?.ram.totalBytes),
      ramFreeBytes: sum(({ hardware }) => hardware?.ram.freeBytes),
      gpuTotalBytes: sum(({ hardware }) => hardware?.gpu?.totalBytes),
      gpuFreeBytes: sum(({ hardware }) => hardware?.gpu?.freeBytes)
    },
    needs: needsOf(snapshot, workers, here.version).slice(0, NEEDS_MAX)
  }
}

/** What a person should look at; what a worker does by itself is not among it. */
function needsOf({ peers }: MeshSnapshot, workers: WorkerView[], version: string): Need[] {
  const needs: Need[] = []
  if (workers.length === 0) {
    needs.push({ message: 'no worker is connected: "haif invite" prints the line that adds one' })
  }
  for (const { id, models } of workers) {
    for (const { name, state, error } of models) {
      if (state !== 'failed') continue
      needs.push({ peer: id, model: name, message: `${name} failed to load: ${error ?? ''}` })
    }
  }
  const held = heldAgainst(peers)
  for (const { key, warnings = [], role, version: its } of peers) {
    for (const message of [...warnings, ...(held.get(key) ?? [])]) {
      needs.push({ peer: key, message })
    }
    if (its !== version && role !== 'client') {
      needs.push({ peer: key, message: `this ${role} runs HAIF ${its}, the gateway ${version}` })
    }
  }
  return needs
}

type Need = MeshView['needs'][number]

function heldAgainst(peers: readonly PeerEntry[]): Map<string, string[]> {
  const held = new Map<string, string[]>() // bounded by the workers of the snapshot
  for (const { heldAgainst = [] } of peers) {
    for (const { worker, reason } of heldAgainst) {
      held.set(worker, [...(held.get(worker) ?? []), reason])
    }
  }
  return held
}
