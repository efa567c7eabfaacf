/** The models of the mesh as Ollama describes them. */
import type { OllamaDetails, OllamaModel, OllamaShowReply } from '#shared/contracts/http/ollama.ts'
import { gatewayModels, type ModelEntry } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

/** What clients of Ollama add to a name that has no tag. */
const LATEST = ':latest'

export async function modelsOf(gateways: PeerPool, context: RequestContext): Promise<ModelEntry[]> {
  const { models } = await gateways.call(gatewayModels, {}, context)
  return models
}

/** A name that no worker has may still be an alias, which only an orchestrator knows. */
export async function findModel(
  gateways: PeerPool,
  name: string,
  context: RequestContext
): Promise<{ name: string; entry?: ModelEntry }> {
  const models = await modelsOf(gateways, context)
  const short = name.endsWith(LATEST) ? name.slice(0, -LATEST.length) : name
  const entry =
    models.find((model) => model.name === name) ?? models.find((model) => model.name === short)
  return entry === undefined ? { name: short } : { name: entry.name, entry }
}

export const modelMissing = (name: string): HaifError =>
  new HaifError(
    'MODEL_NOT_FOUND',
    `model ${JSON.stringify(name)} not found: no worker holds it; /api/tags lists those there are`
  )

const timeOf = ({ createdAt }: ModelEntry): string => new Date(createdAt * 1000).toISOString()

export const toOllamaModel = (model: ModelEntry): OllamaModel => ({
  name: model.name,
  model: model.name,
  modified_at: timeOf(model),
  size: model.sizeBytes ?? 0,
  digest: model.digest,
  details: detailsOf(model)
})

/** Ready models stay until their worker goes or needs the room. */
const NEVER = '9999-12-31T23:59:59Z'

export const toRunningModel = (model: ModelEntry): OllamaModel => ({
  ...toOllamaModel(model),
  expires_at: NEVER,
  size_vram: model.sizeBytes ?? 0,
  context_length: model.contextTokens
})

export function toShowReply(model: ModelEntry): OllamaShowReply {
  const { parameters = 0, contextTokens } = model
  return {
    modelfile: `# A model of this mesh.\nFROM ${model.name}\n`,
    parameters: '',
    template: '',
    details: detailsOf(model),
    model_info: {
      'general.architecture': FAMILY,
      'general.basename': model.name,
      'general.parameter_count': parameters,
      [`${FAMILY}.context_length`]: contextTokens
    },
    capabilities: capabilitiesOf(model),
    modified_at: timeOf(model)
  }
}

/** Clients look for `<family>.context_length`; which family it really is no worker reports. */
const FAMILY = 'haif'

function detailsOf({ parameters, quantization, engine }: ModelEntry): OllamaDetails {
  return {
    parent_model: '',
    format: engine === 'llama' ? 'gguf' : engine,
    family: FAMILY,
    families: [FAMILY],
    parameter_size: parameters === undefined ? '' : shortCount(parameters),
    quantization_level: quantization ?? ''
  }
}

/** `4.0B`, `135.2M`, `12.3K`. */
function shortCount(count: number): string {
  const [size, letter] = UNITS.find(([least]) => count >= least) ?? [1, '']
  return `${(count / size).toFixed(1)}${letter}`
}

const UNITS: readonly (readonly [number, string])[] = [
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K']
]

function capabilitiesOf({ capabilities }: ModelEntry): string[] {
  if (capabilities === undefined) return ['completion']
  const { tools, embeddings, reasoning, vision } = capabilities
  return [
    'completion',
    ...(tools ? ['tools'] : []),
    ...(reasoning ? ['thinking'] : []),
    ...(vision ? ['vision'] : []),
    ...(embeddings ? ['embedding'] : [])
  ]
}
