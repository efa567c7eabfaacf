/** Which model an order means: one that the worker holds, or one that it can bring. Pure. */
import type { ModelOrder } from '#shared/contracts/http/admin/models.ts'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { MeshSnapshot } from '#shared/contracts/peers/peers.ts'
import type { Order } from '#shared/contracts/peers/order.ts'
import { HaifError } from '#shared/errors.ts'
import { KNOWN_MODELS, knownModel, modelUri } from '#shared/models/known-models.ts'

const SHOWN_MAX = 8
const BRINGS: ReadonlySet<string> = new Set(['load', 'pin', 'fetch'])

export function wantedModel(
  { action, model, name }: ModelOrder,
  worker: Pick<WorkerView, 'models'>,
  snapshot: Pick<MeshSnapshot, 'peers'>
): NonNullable<Order['model']> {
  const held = worker.models.map((each) => each.name)
  if (held.includes(model)) return { action, name: model }
  const others = snapshot.peers.flatMap((peer) => peer.worker?.models ?? [])
  const source = others.find((each) => each.name === model)?.source
  const uri = source ?? modelUri(model)
  // A path would be a file of the worker's machine, and whatever its owner has there.
  if (!BRINGS.has(action) || !isOnHub(uri)) throw unknown(action, model, held)
  return { action, name: name ?? nameOf(model, uri), uri }
}

const isOnHub = (uri: string): boolean => /^hf:\w[\w.-]*\/\w/.test(uri)

/** A short name stays what it is; else the name is that of repository and quantisation, or file. */
function nameOf(model: string, uri: string): string {
  const known = knownModel(model)
  if (known !== undefined) return known.name
  if (model !== uri && !model.includes('/')) return model
  const [, repo = '', rest] = /^hf:[^/]+\/([^/:#]+)(?:[:/]([^#]+))?/.exec(uri) ?? []
  if (rest?.toLowerCase().endsWith('.gguf') === true) {
    return rest.split('/').at(-1)!.slice(0, -'.gguf'.length).toLowerCase()
  }
  const base = repo.replace(/-gguf$/i, '')
  return (rest === undefined ? base : `${base}-${rest}`).toLowerCase()
}

function unknown(action: string, model: string, held: readonly string[]): HaifError {
  const has =
    held.length === 0 ? 'it holds none' : `it holds ${held.slice(0, SHOWN_MAX).join(', ')}`
  if (!BRINGS.has(action)) {
    return new HaifError('MODEL_NOT_FOUND', `the worker does not hold ${model}; ${has}`)
  }
  const names = KNOWN_MODELS.slice(0, SHOWN_MAX).map(({ name }) => name)
  return new HaifError(
    'MODEL_NOT_FOUND',
    `nobody knows where ${model} comes from: ${has}; name one of the mesh, a short name ` +
      `(${names.join(', ')}, …), or hf:user/repo:QUANT`
  )
}
