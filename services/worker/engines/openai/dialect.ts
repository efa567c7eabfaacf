/**
 * Servers that speak the OpenAI protocol agree on its core. What lies beyond it, and where a server
 * would ignore a field without a word, is written down here for each kind.
 */
import type { Sampling } from '#shared/contracts/inference/request.ts'

export type UpstreamKind = 'vllm' | 'sglang' | 'llama-server' | 'ollama' | 'other'

export interface Dialect {
  /** The fields of `Sampling` that it honours, under its own names. */
  sampling: Partial<Record<keyof Sampling, string>>
  /** What it is sent for "all tokens" as `topK`, which is 0 here. */
  topKAll: number
  /**
   * How an answer is continued that another server began. `prefilled`: a last message of the
   * assistant is left open. `flagged`: the same, when asked for. `never`: it would begin anew.
   */
  continues: 'flagged' | 'prefilled' | 'never'
  /** Makes it say with each piece how many tokens there are until now. */
  countsTokens: { streamOptions?: Record<string, unknown>; body?: Record<string, unknown> }
  /** Whether it keeps to `tool_choice` and `parallel_tool_calls`; tools it knows in any case. */
  choosesTools: boolean
  /** How it is told how long to think. `template`: by the variables of chat templates. */
  effort: 'field' | 'template'
  /** Whether `/completions` takes the ids of tokens. */
  takesTokens: boolean
  /** Names in its `/metrics` of the requests that run and that wait. */
  load: { running: string; waiting: string } | null
}

const OPENAI: Dialect['sampling'] = {
  temperature: 'temperature',
  topP: 'top_p',
  seed: 'seed',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty'
}

export const DIALECTS: Record<UpstreamKind, Dialect> = {
  vllm: {
    sampling: {
      ...OPENAI,
      topK: 'top_k',
      minP: 'min_p',
      repeatPenalty: 'repetition_penalty',
      logitBias: 'logit_bias'
    },
    topKAll: -1, // versions before 0.6 refuse 0
    continues: 'flagged',
    countsTokens: { streamOptions: { continuous_usage_stats: true } },
    choosesTools: true,
    effort: 'field',
    takesTokens: true,
    load: { running: 'vllm:num_requests_running', waiting: 'vllm:num_requests_waiting' }
  },
  sglang: {
    sampling: {
      temperature: 'temperature', // and no seed: many versions ignore it
      topP: 'top_p',
      topK: 'top_k',
      minP: 'min_p',
      repeatPenalty: 'repetition_penalty',
      frequencyPenalty: 'frequency_penalty',
      presencePenalty: 'presence_penalty'
    },
    topKAll: -1,
    continues: 'flagged',
    countsTokens: { streamOptions: { continuous_usage_stats: true } },
    choosesTools: true,
    effort: 'field',
    takesTokens: true,
    load: { running: 'sglang:num_running_reqs', waiting: 'sglang:num_queue_reqs' }
  },
  'llama-server': {
    sampling: {
      ...OPENAI,
      topK: 'top_k',
      minP: 'min_p',
      repeatPenalty: 'repeat_penalty',
      logitBias: 'logit_bias'
    },
    topKAll: 0,
    continues: 'prefilled',
    countsTokens: { body: { timings_per_token: true } },
    choosesTools: true,
    effort: 'template',
    takesTokens: true,
    load: { running: 'llamacpp:requests_processing', waiting: 'llamacpp:requests_deferred' }
  },
  ollama: {
    sampling: OPENAI, // its OpenAI route drops top_k, min_p and repeat_penalty
    topKAll: 0,
    continues: 'prefilled',
    countsTokens: {},
    choosesTools: false, // it knows tools, and ignores the choice
    effort: 'field',
    takesTokens: false,
    load: null
  },
  other: {
    sampling: OPENAI,
    topKAll: 0,
    continues: 'never',
    countsTokens: {},
    choosesTools: true,
    effort: 'field',
    takesTokens: false,
    load: null
  }
}

/** By what a server writes into `owned_by` of its models. */
export const KIND_OF_OWNER: ReadonlyMap<string, UpstreamKind> = new Map([
  ['vllm', 'vllm'],
  ['sglang', 'sglang'],
  ['llamacpp', 'llama-server'],
  ['library', 'ollama']
])
