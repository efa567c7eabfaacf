/**
 * Loads a model file in its process, with either driver, and puts together what answers requests.
 * Everything here may take the process down with it; that is why it is one.
 */
import type { DecodeStepMs, LoadOptions, Measured, Rates, ReadyModel } from '../messages.ts'
import { JsonGrammars } from './answer/json-grammar.ts'
import type { Driver } from './driver.ts'
import type { VectorMaker } from './embedding-context.ts'
import type { Grammars } from './grammar.ts'
import { PromptRenderer } from './prompt/prompt.ts'
import type { ThreadChoice } from './schedule/thread-choice.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface LoadHooks {
  onProgress: (fraction: number) => void
  /** Called with each warning and error of llama.cpp's log. */
  onLog: (line: string) => void
}

/** What a driver brings. */
export interface ComputedModel {
  driver: Driver
  vocabulary: Vocabulary
  grammars: Grammars
  calibration: Calibration
  openEmbedding: (contextTokens: number) => Promise<VectorMaker>
  facts: ModelFacts
}

interface ModelFacts {
  /** Tokens in one slot; llama.cpp rounds up what was asked for. */
  slotTokens: number
  quantization: string | null
  parameters: number | null
  /** The backend that computes layers; `false` on the CPU. */
  gpu: string | false
  vramBytes: number
}

/** What the machine was measured to do with this model. */
export interface Calibration {
  threads: number
  /** Where steps may be computed with other numbers of threads. */
  choice?: ThreadChoice
  measured?: Measured
  rates: Rates
  /** The steps for one answer and for all slots. */
  decodeSteps: DecodeStepMs[]
}

export interface LoadedModel extends Omit<ComputedModel, 'grammars' | 'facts'> {
  renderer: PromptRenderer
  grammars: JsonGrammars
  ready: ReadyModel
}

export type LoadDriver = (options: LoadOptions, hooks: LoadHooks) => Promise<ComputedModel>

export async function loadModel(
  load: LoadDriver,
  options: LoadOptions,
  hooks: LoadHooks
): Promise<LoadedModel> {
  const { facts, grammars, ...computed } = await load(options, hooks)
  const { driver, calibration } = computed
  const renderer = new PromptRenderer(computed.vocabulary, options)
  const { slotTokens, quantization, parameters, gpu, vramBytes } = facts
  return {
    ...computed,
    renderer,
    grammars: new JsonGrammars(grammars),
    ready: {
      slots: driver.slots,
      // llama.cpp rounds up; what was asked for, or what the budget holds, is kept.
      contextTokens: Math.min(
        slotTokens,
        options.contextTokens ?? options.most?.contextTokens ?? Infinity
      ),
      kvTokensMax: slotTokens * driver.slots,
      quantization,
      parameters,
      chatTemplate: renderer.hasTemplate,
      ...(renderer.notice === null ? {} : { notice: renderer.notice }),
      threads: calibration.threads,
      gpu,
      reasoning: renderer.hasReasoning,
      tools: renderer.hasTools,
      memory: { ramBytes: process.memoryUsage.rss(), vramBytes },
      rates: calibration.rates,
      ...(calibration.measured === undefined ? {} : { measured: calibration.measured })
    }
  }
}
