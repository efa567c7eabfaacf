/** Which model an order means: one that the worker holds, or one that it can bring. Pure. */
import type { ModelOrder } from '#shared/contracts/http/admin/models.ts'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { MeshSnapshot, WorkerModel } from '#shared/contracts/peers/peers.ts'
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
  const holders = others.filter((each) => each.name === model)
  const source = holders.find((each) => each.source !== undefined)?.source
  const digest = digestOf(holders, snapshot)
  const said = source ?? modelUri(model)
  // A file that is on no hub comes from the workers that have it.
  const uri = !isKnown(said) && digest !== undefined ? `sha256:${digest}` : said
  // A path would be a file of the worker's machine, and whatever its owner has there.
  if (!BRINGS.has(action) || !isKnown(uri)) throw unknown(action, model, held)
  const wanted = { action, name: name ?? nameOf(model, uri), uri }
  const content = MESH_URI.exec(uri)?.[1] ?? digest
  return content === undefined ? wanted : { ...wanted, digest: content }
}

const isKnown = (uri: string): boolean => /^hf:\w[\w.-]*\/\w/.test(uri) || MESH_URI.test(uri)

const MESH_URI = /^sha256:([0-9a-f]{64})$/
/** Of the name of a model that has none but its digest. */
const SHORT_DIGEST = 12

/** Undefined where its holders have different files, or none of them gives its file to others. */
function digestOf(
  holders: readonly WorkerModel[],
  { peers }: Pick<MeshSnapshot, 'peers'>
): string | undefined {
  const digests = new Set(holders.flatMap(({ digest = '' }) => (digest === '' ? [] : [digest])))
  const [digest] = digests
  const isGiven = peers.some(({ worker }) => worker?.weights?.includes(digest ?? '') === true)
  return digests.size === 1 && isGiven ? digest : undefined
}

/** A short name stays what it is; else the name is that of repository and quantisation, or file. */
function nameOf(model: string, uri: string): string {
  const known = knownModel(model)
  if (known !== undefined) return known.name
  if (model !== uri && !model.includes('/')) return model
  const content = MESH_URI.exec(uri)?.[1]
  if (content !== undefined) return content.slice(0, SHORT_DIGEST)
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
