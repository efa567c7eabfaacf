/**
 * Looks at this machine through the library, and at the header of a model file, reports it and
 * ends. It is a separate process, because a header may take down whoever reads it.
 */
import {
  getLlama,
  getModuleVersion,
  GgufInsights,
  LlamaLogLevel,
  readGgufFileInfo,
  type Llama
} from 'node-llama-cpp'
import type { InspectAnswer, InspectedModel, Inspection, InspectOptions } from '../inspection.ts'
import { DEFAULT_CONTEXT_TOKENS, DEFAULT_SLOTS } from './load-model.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { PROMPT_STEP_TOKENS_MAX } from './schedule/prompt-budget.ts'

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', (options: InspectOptions) => {
  inspect(options).then(
    (found) => answer({ found }),
    (error: unknown) => answer({ reason: reasonOf(error) })
  )
})

async function inspect({ gpu, modelPath }: InspectOptions): Promise<Inspection> {
  const llama = await getLlama({
    build: 'never',
    gpu,
    progressLogs: false,
    logLevel: LlamaLogLevel.error
  })
  const { release } = llama.llamaCppRelease
  const version = `llama.cpp ${release} by node-llama-cpp ${await getModuleVersion()}`
  const found: Inspection = { version, gpu: await gpuOf(llama) }
  if (modelPath !== undefined) found.model = await inspectModel(modelPath, llama)
  return found
}

async function gpuOf(llama: Llama): Promise<Inspection['gpu']> {
  if (llama.gpu === false) return null
  const { total: totalBytes, free: freeBytes } = await llama.getVramState()
  return { backend: llama.gpu, names: await llama.getGpuDeviceNames(), totalBytes, freeBytes }
}

async function inspectModel(path: string, llama: Llama): Promise<InspectedModel> {
  const info = await readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false })
  const insights = await GgufInsights.from(info, llama)
  const gpuLayers = await gpuLayersOf(insights, llama)
  const context = async (contextSize: number) =>
    insights.estimateContextResourceRequirementsV2({
      contextSize,
      sequences: 1,
      modelGpuLayers: gpuLayers,
      batchSize: PROMPT_STEP_TOKENS_MAX
    })
  const { trainContextSize = DEFAULT_CONTEXT_TOKENS } = insights
  return {
    weights: await insights.estimateModelResourceRequirementsV2({ gpuLayers }),
    contextOf1024: await context(1024),
    contextOf2048: await context(2048),
    slots: DEFAULT_SLOTS,
    contextTokens: Math.min(DEFAULT_CONTEXT_TOKENS, trainContextSize)
  }
}

/** The number of layers that the library will choose when other models have made room. */
async function gpuLayersOf(insights: GgufInsights, llama: Llama): Promise<number> {
  if (llama.gpu === false) return 0
  const { total } = await llama.getVramState()
  const { gpuLayers } = await insights.configurationResolver.resolveModelGpuLayersV2('auto', {
    getVramState: async () => ({ total, free: total })
  })
  return gpuLayers
}

function answer(message: InspectAnswer): void {
  process.send?.(message, () => process.kill(process.pid, 'SIGKILL'))
}
