/** The models of the mesh, kept fresh while the page is looked at. */
import { computed, signal } from '@preact/signals'
import type { HttpModel, ModelsReply } from '#shared/contracts/http-models.ts'
import { MeshError, type Failure } from './failure.ts'
import { send } from './http.ts'

export type Model = HttpModel

const REFRESH_MS = 15_000
const TIMEOUT_MS = 10_000
export const BUILTIN = 'haif-tiny'

/** Null until the first reply. */
export const models = signal<Model[] | null>(null)
/** Why the last look failed. */
export const modelsFailure = signal<Failure | null>(null)

/** The one that the mesh takes for a request that names none. */
export const defaultModel = computed<Model | undefined>(
  () => models.value?.toSorted((a, b) => b.workers - a.workers || a.id.localeCompare(b.id))[0]
)

export async function refreshModels(): Promise<void> {
  try {
    const response = await send('v1/models', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const { data } = (await response.json()) as ModelsReply
    models.value = data
    modelsFailure.value = null
  } catch (error) {
    modelsFailure.value =
      error instanceof MeshError
        ? error.failure
        : {
            code: 'OFFLINE',
            message: 'HAIF does not answer. See whether it runs.',
            remedy: 'retry'
          }
  }
}

/** Until the page is left. */
export function keepModelsFresh(): void {
  const look = () => void refreshModels()
  const lookIfSeen = () => {
    if (document.visibilityState === 'visible') look()
  }
  look()
  setInterval(lookIfSeen, REFRESH_MS)
  document.addEventListener('visibilitychange', lookIfSeen)
  window.addEventListener('online', look)
}

const isEmbedder = (model: Model): boolean => 'embeddings' in model && model['embeddings'] === true

/** Those that one can talk with. */
export const chatModels = computed(() => models.value?.filter((model) => !isEmbedder(model)) ?? [])

/** What a model is, shortest form first: `Q8_0 · 512 tokens of context · 2 workers`. */
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
