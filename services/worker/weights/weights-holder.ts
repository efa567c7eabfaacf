/** What weights need to know of the worker that gives and fetches them. */
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { HeldModel } from '../models/held-model.ts'
import type { HeldModels } from '../models/held-models.ts'
import type { RunningRequests } from '../requests/running-requests.ts'
import type { OwnFile } from './shelf.ts'
import type { Holder } from './weights.ts'

interface Parts {
  mesh: Mesh
  models: HeldModels
  running: RunningRequests
  life: {
    connected(): Promise<void>
    tell(): void
    readonly labels: Readonly<Record<string, string>>
  }
}

export function weightsHolder({ mesh, models, running, life }: Parts): Holder {
  return {
    mesh,
    connected: life.connected(),
    isBusy: () => running.count > 0,
    maySeed: () => life.labels['seed'] !== 'no',
    own: () => models.all.flatMap(ownFile),
    inUse: () => models.all.filter(isInUse).flatMap(({ source }) => source.place ?? []),
    onChange: () => life.tell()
  }
}

/** Its digest is known once it was loaded. */
function ownFile(model: HeldModel): OwnFile[] {
  const { file: path } = model.source
  const { digest } = model.describe()
  return path === undefined || digest === undefined ? [] : [{ path, digest }]
}

const isInUse = ({ onDemand, state, hasUsers }: HeldModel): boolean =>
  !onDemand || hasUsers || state.kind === 'ready' || state.kind === 'loading'
