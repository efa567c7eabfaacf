/** What contexts of a model would take, as the library finds it by making them without memory. */
import { GgmlType, type GgufInsights } from 'node-llama-cpp'
import { measureContexts, type ContextCosts } from '../../../memory/context-costs.ts'
import type { ContextChoices } from '../messages.ts'
import { PROMPT_STEP_TOKENS_MAX } from './schedule/prompt-budget.ts'

/** A file that does not say what its model was trained for gets what most can do. */
const TRAINED_TOKENS_DEFAULT = 4096
export const trainedTokensOf = ({ trainContextSize }: GgufInsights): number =>
  trainContextSize ?? TRAINED_TOKENS_DEFAULT

export const KV_GGML_TYPES = {
  f16: GgmlType.F16,
  q8_0: GgmlType.Q8_0,
  q4_0: GgmlType.Q4_0
} as const

export function contextCosts(
  insights: GgufInsights,
  { gpuLayers, kv = 'f16', flashAttention }: ContextChoices & { gpuLayers: number }
): Promise<ContextCosts> {
  return measureContexts(trainedTokensOf(insights), ({ contextTokens, slots }) =>
    insights.estimateContextResourceRequirementsV2({
      contextSize: contextTokens,
      sequences: slots,
      modelGpuLayers: gpuLayers,
      batchSize: PROMPT_STEP_TOKENS_MAX,
      flashAttention: flashAttention ?? 'auto',
      kvCacheKeyType: KV_GGML_TYPES[kv],
      kvCacheValueType: KV_GGML_TYPES[kv]
    })
  )
}
