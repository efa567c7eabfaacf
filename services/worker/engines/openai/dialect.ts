/**
 * Servers that speak the OpenAI protocol agree on its core. Their extensions, and the fields that
 * they would ignore in silence, are written down here for each kind of server.
 */
import type { Sampling } from '#shared/contracts/inference/request.ts'

export type UpstreamKind = 'vllm' | 'sglang' | 'llama-server' | 'ollama' | 'other'

export interface Dialect {
  /** The fields of `Sampling` that the server honours, with its names for them. */
  sampling: Partial<Record<keyof Sampling, string>>
  /** The server's `topK` for "all tokens", which is 0 in our requests. */
  topKAll: number
  /**
   * How the server continues an answer that another one began. `prefilled`: it leaves a last
   * message of the assistant open. `flagged`: it does so when asked. `never`: it would begin anew.
   */
  continues: 'flagged' | 'prefilled' | 'never'
  /** Fields that make the server report the number of tokens with each piece. */
  countsTokens: { streamOptions?: Record<string, unknown>; body?: Record<string, unknown> }
  /** The field that keeps a prompt's cache apart from those of others. */
  cacheSalt?: string
  /** True when it honours `tool_choice` and `parallel_tool_calls`; all servers know tools. */
  choosesTools: boolean
  /**
   * How the reasoning effort is set. `template`: by the variables of chat templates. `switched`: by
   * a field with three values, and by those variables for `none`. `three` has `none` in the field.
   */
  effort: 'field' | 'three' | 'switched' | 'template'
  /** True when it takes variables for the chat template. */
  takesVariables: boolean
  /** The names under which it reads what the assistant thought in an earlier turn. */
  thoughts: readonly string[]
  /** True when `/completions` takes the ids of tokens. */
  takesTokens: boolean
  /** True when `/completions` may tell the logprobs of the prompt's tokens. */
  scoresPrompts: boolean
  /** The names in `/metrics` of the requests that run and that wait. */
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
    effort: 'switched',
    takesVariables: true,
    thoughts: ['reasoning', 'reasoning_content'],
    takesTokens: true,
    scoresPrompts: true,
    cacheSalt: 'cache_salt',
    load: { running: 'vllm:num_requests_running', waiting: 'vllm:num_requests_waiting' }
  },
  sglang: {
    sampling: {
      temperature: 'temperature', // seed is left out, because many versions ignore it
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
    effort: 'switched',
    takesVariables: true,
    thoughts: ['reasoning_content'],
    takesTokens: true,
    scoresPrompts: true,
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
    takesVariables: true,
    thoughts: ['reasoning_content'],
    takesTokens: true,
    scoresPrompts: false,
    load: { running: 'llamacpp:requests_processing', waiting: 'llamacpp:requests_deferred' }
  },
  ollama: {
    sampling: OPENAI, // its OpenAI route drops top_k, min_p and repeat_penalty
    topKAll: 0,
    continues: 'prefilled',
    countsTokens: {},
    choosesTools: false, // it knows tools and ignores the choice
    effort: 'three',
    takesVariables: false,
    thoughts: ['reasoning'],
    takesTokens: false,
    scoresPrompts: false,
    load: null
  },
  other: {
    sampling: OPENAI,
    topKAll: 0,
    continues: 'never',
    countsTokens: {},
    choosesTools: true,
    effort: 'field',
    takesVariables: false,
    thoughts: [], // some refuse fields of a message that they do not know
    takesTokens: false,
    scoresPrompts: true, // and its reply is looked at
    load: null
  }
}

/** The kinds of server by the `owned_by` of their models. */
export const KIND_OF_OWNER: ReadonlyMap<string, UpstreamKind> = new Map([
  ['vllm', 'vllm'],
  ['sglang', 'sglang'],
  ['llamacpp', 'llama-server'],
  ['library', 'ollama']
])
