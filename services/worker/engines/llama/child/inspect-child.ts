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
import { reasonOf } from '#shared/kit/reason-of.ts'
import { assertLibraryLoads } from './gpu-library.ts'
import { contextCosts, trainedTokensOf } from './context-bytes.ts'

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', (options: InspectOptions) => {
  inspect(options).then(
    (found) => answer({ found }),
    (error: unknown) => answer({ reason: reasonOf(error) })
  )
})

async function inspect({ gpu, model, tryModel }: InspectOptions): Promise<Inspection> {
  if (tryModel !== undefined) await assertLibraryLoads(gpu)
  const llama = await getLlama({
    build: 'never',
    gpu,
    progressLogs: false,
    logLevel: LlamaLogLevel.error
  })
  const { release } = llama.llamaCppRelease
  const version = `llama.cpp ${release} by node-llama-cpp ${await getModuleVersion()}`
  const found: Inspection = { version, gpu: await gpuOf(llama) }
  if (tryModel !== undefined) await decodeToken(tryModel, llama)
  if (model !== undefined) found.model = await inspectModel(model, llama)
  return found
}

async function gpuOf(llama: Llama): Promise<Inspection['gpu']> {
  if (llama.gpu === false) return null
  const { total: totalBytes, free: freeBytes } = await llama.getVramState()
  return { backend: llama.gpu, names: await llama.getGpuDeviceNames(), totalBytes, freeBytes }
}

/** Kernels that the driver has to compile are compiled here, and kept in its cache. */
async function decodeToken(path: string, llama: Llama): Promise<void> {
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 'max' })
  const context = await model.createContext({ sequences: 1, contextSize: TRY_TOKENS })
  const prompt = model.tokenize('What is HAIF?')
  for await (const _ of context.getSequence().evaluate(prompt, { temperature: 0 })) return
}

const TRY_TOKENS = 256

async function inspectModel(
  { path, ...choices }: NonNullable<InspectOptions['model']>,
  llama: Llama
): Promise<InspectedModel> {
  const info = await readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false })
  const insights = await GgufInsights.from(info, llama)
  const gpuLayers = await gpuLayersOf(insights, llama)
  return {
    weights: await insights.estimateModelResourceRequirementsV2({ gpuLayers }),
    contexts: await contextCosts(insights, { ...choices, gpuLayers }),
    trainedTokens: trainedTokensOf(insights),
    gpu: gpuLayers > 0 && llama.gpu
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
