/** Loads a model file with `node-llama-cpp`: weights, a context that fits, a short measurement. */
import { availableParallelism } from 'node:os'
import { stat } from 'node:fs/promises'
import {
  getLlama,
  GgmlType,
  GgufFileType,
  LlamaLogLevel,
  type Llama,
  type LlamaContext,
  type LlamaModel
} from 'node-llama-cpp'
import { calibrate } from './calibrate-library.ts'
import { modestShare, poolOf, type Requirements } from '../../../../memory/context-costs.ts'
import type { MemoryPool } from '../../../../memory/fit-context.ts'
import { fittingContext, refuseOversized } from '../memory-guard.ts'
import { contextCosts, KV_GGML_TYPES, trainedTokensOf } from '../context-bytes.ts'
import type { LoadOptions } from '../../messages.ts'
import type { ComputedModel, LoadHooks } from '../load-model.ts'
import { PROMPT_STEP_TOKENS_MAX } from '../schedule/prompt-budget.ts'
import { ramBytesFree } from '../../../../memory/ram.ts'
import { LibraryDriver } from './library-driver.ts'
import { openLibraryEmbedding } from './library-embedding.ts'
import { LibraryGrammars } from './library-grammar.ts'
import { LibraryVocabulary } from './library-vocabulary.ts'

export async function loadLibrary(options: LoadOptions, hooks: LoadHooks): Promise<ComputedModel> {
  const threadsMax = Math.max(1, (options.cores ?? availableParallelism()) - 1)
  const llama = await getLlama({
    build: 'never', // never download or compile in the middle of serving
    gpu: options.gpu,
    maxThreads: threadsMax,
    progressLogs: false,
    logLevel: LlamaLogLevel.warn,
    logger: (_level, message) => hooks.onLog(message.trimEnd())
  })
  // On a GPU the library spreads the layers over RAM and VRAM.
  if (llama.gpu === false)
    refuseOversized(options.fileBytes ?? (await stat(options.modelPath)).size)
  const vramBefore = await vramUsed(llama)
  const model = await llama.loadModel({
    modelPath: options.modelPath,
    onLoadProgress: hooks.onProgress
  })
  const vocabulary = new LibraryVocabulary(model)
  const context = await createContext(llama, model, options, threadsMax)
  const sequences = Array.from({ length: context.totalSequences }, () => context.getSequence())
  const bench = { llama, sequences, vocabularySize: vocabulary.size }
  const calibration = await calibrate(bench, threadsOf(model, threadsMax))
  const { threads } = calibration
  const contextTokens = context.contextSize
  return {
    driver: new LibraryDriver(sequences),
    vocabulary,
    grammars: new LibraryGrammars(llama, model),
    calibration,
    openEmbedding: (tokens) => openLibraryEmbedding(model, { contextTokens: tokens, threads }),
    facts: {
      slotTokens: contextTokens,
      quantization: quantizationOf(model),
      parameters: model.fileInsights.totalParameters || null,
      gpu: model.gpuLayers > 0 ? llama.gpu : false,
      vramBytes: Math.max(0, (await vramUsed(llama)) - vramBefore)
    }
  }
}

/** The memory that all programs on this machine take of the GPUs. */
const vramUsed = async (llama: Llama): Promise<number> =>
  llama.gpu === false ? 0 : (await llama.getVramState()).used

/** With all layers on a GPU the threads only feed it. */
function threadsOf(model: LlamaModel, threadsMax: number): number {
  const offloaded = model.gpuLayers >= model.fileInsights.totalLayers
  return offloaded ? Math.min(threadsMax, THREADS_BESIDE_GPU) : threadsMax
}

const THREADS_BESIDE_GPU = 4

async function createContext(
  llama: Llama,
  model: LlamaModel,
  options: LoadOptions,
  threadsMax: number
): Promise<LlamaContext> {
  const { kv = 'f16', flashAttention } = options
  const size = fittingContext(options, {
    trainedTokens: trainedTokensOf(model.fileInsights),
    onGpu: model.gpuLayers > 0,
    pools: await memoryPools(llama, model, options)
  })
  return model.createContext({
    sequences: size.slots,
    contextSize: size.contextTokens,
    batchSize: PROMPT_STEP_TOKENS_MAX,
    threads: threadsMax,
    failedCreationRemedy: false,
    ...(flashAttention === undefined ? {} : { flashAttention }),
    experimentalKvCacheKeyType: KV_GGML_TYPES[kv],
    experimentalKvCacheValueType: KV_GGML_TYPES[kv]
  })
}

async function memoryPools(
  llama: Llama,
  model: LlamaModel,
  { kv, flashAttention, models }: LoadOptions
): Promise<MemoryPool[]> {
  const { fileInsights: insights, gpuLayers, useMmap } = model
  const costs = await contextCosts(insights, {
    gpuLayers,
    ...(kv === undefined ? {} : { kv }),
    ...(flashAttention === undefined ? {} : { flashAttention })
  })
  const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers, useMmap })
  const pool = (kind: keyof Requirements, freeBytes: number) =>
    poolOf(costs, kind, { freeBytes, modestShare: modestShare(kind, models) })
  // Mapped weights count as free memory, but they have to stay.
  const ram = pool('cpuRam', ramBytesFree() * RAM_SHARE - weights.cpuRam)
  if (gpuLayers === 0) return [ram]
  return [ram, pool('gpuVram', (await llama.getVramState()).free * VRAM_SHARE)]
}

/** The estimate is a hint, and other programs need memory too. */
const RAM_SHARE = 0.8
const VRAM_SHARE = 0.9

/** The name of the quantization in file names, from the file's header or else its tensors. */
function quantizationOf(model: LlamaModel): string | null {
  const fileType = model.fileInfo.metadata.general.file_type
  const name = fileType === undefined ? undefined : GgufFileType[fileType]
  if (name !== undefined) return name.replace(/^(MOSTLY|ALL)_/, '')
  const tensorType = model.fileInsights.dominantTensorType
  return tensorType === undefined ? null : (GgmlType[tensorType] ?? null)
}
