/** The models that a caller may name, and which of them answers where it names none. */
import { orchestratorReady, type ModelEntry } from '#shared/contracts/peers/peers.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { readRegistry } from '#shared/mesh/read-registry.ts'
import { childContext, type RequestContext } from '#shared/rpc/context.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Callers } from './admit.ts'

interface ModelsDeps {
  callers: Pick<Callers, 'assert' | 'modelsFor'>
  registries: PeerPool
  orchestrators: Pick<PeerPool, 'call' | 'size'>
}

export async function listModels(
  { callers, registries, orchestrators }: ModelsDeps,
  context: ServerContext
): Promise<{ models: ModelEntry[] }> {
  const allowed = callers.modelsFor(await callers.assert(context, 'infer'))
  const [{ models }, meshDefault] = await Promise.all([
    readRegistry(registries, context, { models: true }),
    defaultOf(orchestrators, context)
  ])
  const [first] = allowed ?? []
  const fallback = allowed === null ? meshDefault : first
  const shown = models.filter(({ name }) => allowed?.includes(name) ?? true)
  return { models: fitting(shown.map((each) => marked(each, fallback))) }
}

/** A list without a default is worth more than none, so that no failure is passed on. */
async function defaultOf(
  orchestrators: ModelsDeps['orchestrators'],
  context: RequestContext
): Promise<string | undefined> {
  if (orchestrators.size === 0) return undefined
  using own = childContext(context)
  try {
    return (await orchestrators.call(orchestratorReady, {}, own)).defaultModel
  } catch {
    context.signal.throwIfAborted()
    return undefined
  }
}

const marked = (model: ModelEntry, fallback: string | undefined): ModelEntry =>
  model.name === fallback ? { ...model, default: true } : model

/** A reply holds 4 MiB; a mesh in which somebody names thousands of models shows the first. */
const MODELS_BYTES_MAX = 3 * 1024 * 1024

function fitting(models: readonly ModelEntry[]): ModelEntry[] {
  let bytes = 0
  return models.filter((model) => (bytes += sizeOf(model)) <= MODELS_BYTES_MAX)
}

const sizeOf = (model: ModelEntry): number => Buffer.byteLength(JSON.stringify(model))
