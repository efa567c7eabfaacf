/** The models of the mesh, kept fresh while the page is looked at. */
import { computed, signal } from '@preact/signals'
import type { HttpModel, ModelsReply } from '#shared/contracts/http/models.ts'
import { followOtherTabs, keep, refused, type Access } from './access.ts'
import { MeshError, type Failure } from './failure.ts'
import { send } from './http.ts'

export type Model = HttpModel

const REFRESH_MS = 15_000
const TIMEOUT_MS = 10_000
export const BUILTIN = 'haif-tiny'

/** The models; null until the first reply. */
export const models = signal<Model[] | null>(null)
/** The failure of the last look; null when it succeeded. */
export const modelsFailure = signal<Failure | null>(null)

/** The model that the mesh takes for a request that names none. */
export const defaultModel = computed<Model | undefined>(
  () => models.value?.find((model) => model.default === true) ?? likeliest(models.value ?? [])
)

/** Where the mesh does not say it: a real model before the built-in one. */
const likeliest = (known: readonly Model[]): Model | undefined =>
  known.toSorted(
    (a, b) =>
      Number(a.id === BUILTIN) - Number(b.id === BUILTIN) ||
      b.workers - a.workers ||
      a.id.localeCompare(b.id)
  )[0]

async function refreshModels(): Promise<void> {
  try {
    show(await read(AbortSignal.timeout(TIMEOUT_MS)))
  } catch (error) {
    modelsFailure.value = failureOf(error)
  }
}

/** Keeps a token if the mesh accepts it; otherwise keeps nothing and returns the reason. */
export async function giveToken(given: Access, signal: AbortSignal): Promise<Failure | null> {
  try {
    const found = await read(
      AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      given.token
    )
    signal.throwIfAborted()
    keep(given)
    show(found)
    return null
  } catch (error) {
    return failureOf(error)
  }
}

/** Forgets models that only a token could see, and looks for those that anybody can see. */
export function forgetModels(): void {
  models.value = null
  void refreshModels()
}

/** Refreshes the models until the page is left; resolves after the first look. */
export async function keepModelsFresh(): Promise<void> {
  const look = () => void refreshModels()
  const lookIfSeen = () => {
    if (document.visibilityState === 'visible') look()
  }
  setInterval(() => {
    if (refused.value === null) lookIfSeen() // a refused page would only be refused again
  }, REFRESH_MS)
  document.addEventListener('visibilitychange', lookIfSeen)
  window.addEventListener('online', look)
  followOtherTabs(forgetModels)
  await refreshModels()
}

async function read(signal: AbortSignal, token?: string): Promise<Model[]> {
  const response = await send('v1/models', { signal }, token)
  const { data } = (await response.json()) as ModelsReply
  return data
}

function show(found: Model[]): void {
  models.value = found
  modelsFailure.value = null
}

function failureOf(error: unknown): Failure {
  if (error instanceof MeshError) return error.failure
  return { code: 'OFFLINE', message: 'HAIF does not answer. See whether it runs.', remedy: 'retry' }
}

const isEmbedder = (model: Model): boolean => 'embeddings' in model && model['embeddings'] === true

/** The models that can chat. */
export const chatModels = computed(() => models.value?.filter((model) => !isEmbedder(model)) ?? [])

/** Describes a model in one line: `Q8_0 · context 512 · llama · 2 workers`. */
export function describeModel(model: Model): string {
  const { quantization, context_length: context, engine, workers } = model
  return [
    quantization,
    `context ${context.toLocaleString('en')}`,
    engine,
    `${workers} worker${workers === 1 ? '' : 's'}`
  ]
    .filter(Boolean)
    .join(' · ')
}
