/**
 * Loads a model file with llama.cpp's own libraries: weights, a context that fits, a short
 * measurement.
 */
import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { ContextSize } from '../../../../memory/fit-context.ts'
import type { LoadOptions } from '../../messages.ts'
import type { ComputedModel, LoadHooks } from '../load-model.ts'
import { fittingContext, refuseOversized } from '../memory-guard.ts'
import type { ThreadCounts } from '../schedule/thread-choice.ts'
import type { StepMemory } from '../step-memory.ts'
import type { Devices } from './api/devices.ts'
import { gpuLayersOf } from './gpu-layers.ts'
import type { OpenLlama } from './api/llama-libraries.ts'
import { measure } from './measure.ts'
import { NativeContext, NotComputable } from './native-context.ts'
import { BATCH_TOKENS, memoryPools } from './native-costs.ts'
import { NativeDriver } from './native-driver.ts'
import { NativeVectorMaker } from './native-embedding.ts'
import { NativeGrammars } from './native-grammar.ts'
import { withLog } from './api/llama-log.ts'
import { NativeModel } from './native-model.ts'
import { NativeVocabulary } from './native-vocabulary.ts'
import { warmUp } from '../warm-up.ts'

export async function loadNative(
  llama: OpenLlama,
  options: LoadOptions,
  hooks: LoadHooks & { step: StepMemory }
): Promise<ComputedModel> {
  const { api, devices, backend } = llama
  const vramBefore = devices.usedBytes()
  const size = options.fileBytes ?? (await stat(options.modelPath)).size
  const gpuLayers = gpuLayersOf(llama, options, size)
  if (gpuLayers === 0) refuseOversized(size)
  const model = withLog(api, hooks.onLog, () => {
    const { onProgress } = hooks
    return new NativeModel(llama, { path: options.modelPath, gpuLayers, onProgress })
  })
  if (api.llama_model_has_encoder(model.pointer)) {
    api.llama_model_free(model.pointer)
    throw new NotComputable('the model has an encoder')
  }
  const contextSize = contextSizeOf(model, { devices, gpuLayers, options })
  const cores = options.cores ?? availableParallelism()
  const threads = threadsOf(gpuLayers, cores)
  const { kv = 'f16', flashAttention } = options
  const choices = { kv, ...(flashAttention === undefined ? {} : { flashAttention }), threads }
  const batchTokens = BATCH_TOKENS
  const context = withLog(
    api,
    hooks.onLog,
    () =>
      new NativeContext(model, {
        ...contextSize,
        ...choices,
        batchTokens,
        abort: hooks.step.stop
      })
  )
  const vocabulary = new NativeVocabulary(model)
  const driver = new NativeDriver(context, {
    slots: contextSize.slots,
    vocabularySize: vocabulary.size,
    step: hooks.step
  })
  if (gpuLayers !== 0) await warmUp(driver, context.contextTokens)
  const calibration = await measure(driver, {
    threads,
    cores: gpuLayers < 0 ? null : cores,
    known: options.measured,
    vocabularySize: vocabulary.size
  })
  return {
    driver,
    vocabulary,
    grammars: new NativeGrammars(model, vocabulary),
    calibration,
    openEmbedding: async (contextTokens) =>
      withLog(
        api,
        hooks.onLog,
        () =>
          new NativeVectorMaker(model, {
            ...choices,
            contextTokens,
            batchTokens,
            step: hooks.step
          })
      ),
    facts: {
      slotTokens: context.contextTokens,
      quantization: model.fileType,
      parameters: model.parameters || null,
      gpu: gpuLayers === 0 ? false : backend,
      vramBytes: Math.max(0, devices.usedBytes() - vramBefore)
    }
  }
}

function contextSizeOf(
  model: NativeModel,
  given: { devices: Devices; gpuLayers: number; options: LoadOptions }
): ContextSize {
  const trainedTokens = model.trainContextTokens || TRAINED_TOKENS_DEFAULT
  const onGpu = given.gpuLayers !== 0
  return fittingContext(given.options, { trainedTokens, onGpu, pools: memoryPools(model, given) })
}

/** A file that does not say what its model was trained for gets what most can do. */
const TRAINED_TOKENS_DEFAULT = 4096

/** At first; with all layers on a GPU they only feed it. */
function threadsOf(gpuLayers: number, cores: number): ThreadCounts {
  const most = Math.max(1, cores - 1)
  if (gpuLayers < 0) return { one: 1, many: Math.min(most, THREADS_BESIDE_GPU) }
  return { one: most, many: most }
}

const THREADS_BESIDE_GPU = 4
