/**
 * Every field of the bodies of `/v1/chat/completions` and `/v1/completions` that OpenAI, vLLM,
 * llama.cpp or another server with their API knows, and what becomes of it here. Nothing that
 * changes an answer is passed over in silence: it is taken, mapped or refused by name. Fields that
 * are not in this table mean nothing to any of these servers and are ignored.
 *
 * `docs/openai.md` is generated from this table (`npm run docs`), and a test sends each field.
 */
import { hints, taken, type FieldOf } from '../../http/fields.ts'

export type Endpoint = 'chat' | 'completion'
type Field = FieldOf<Endpoint>

const SCHEMA = 'use response_format with a JSON schema'
const LOGPROBS = 'use logprobs and top_logprobs'
const SAMPLER = 'the engines have no such sampler: use temperature, top_p, top_k and min_p'
const PENALTY = 'use repetition_penalty, frequency_penalty or presence_penalty'
const EFFORT = 'use reasoning_effort'
const WRITES_TEXT = 'the models here write text only'
const TOKENS_STAY = 'replies have text and no token ids'
const OWN_RUN = 'how a worker runs its model is set where it is started'

const OPENAI: readonly Field[] = [
  ...taken('model stream stream_options stop n seed temperature top_p max_tokens'),
  ...taken('frequency_penalty presence_penalty logit_bias logprobs'),
  ...taken('response_format'),
  ...taken('messages max_completion_tokens top_logprobs tools', 'chat'),
  ...taken('tool_choice parallel_tool_calls reasoning_effort', 'chat'),
  ...taken('prompt echo best_of', 'completion'),
  ...hints('HAIF keeps no chats, and has one tier', 'store metadata service_tier'),
  ...hints('prefixes are cached anyway', 'prompt_cache_key prompt_cache_options'),
  ...hints('prefixes are cached anyway', 'prompt_cache_retention prediction'),
  ...hints('there is nobody to tell', 'user safety_identifier'),
  ...hints('no model here has been trained on it', 'verbosity'),
  { name: 'functions', of: 'chat', how: 'refused', note: 'use tools' },
  {
    name: 'function_call',
    of: 'chat',
    how: 'refused',
    note: 'use tool_choice',
    idle: ['none', 'auto']
  },
  { name: 'audio', of: 'chat', how: 'refused', note: WRITES_TEXT },
  { name: 'modalities', of: 'chat', how: 'refused', note: WRITES_TEXT, idle: [['text']] },
  {
    name: 'web_search_options',
    of: 'chat',
    how: 'refused',
    note: 'HAIF does not search the web: offer a tool that does'
  },
  { name: 'moderation', of: 'chat', how: 'refused', note: 'HAIF has no moderation' },
  {
    name: 'suffix',
    of: 'completion',
    how: 'refused',
    note: 'the engines write after a prompt, not into the middle of a text'
  }
]

const VLLM: readonly Field[] = [
  ...taken('top_k min_p repetition_penalty'),
  ...taken('add_generation_prompt continue_final_message chat_template_kwargs', 'chat'),
  { name: 'documents', of: 'chat', how: 'mapped', note: 'a variable of the chat template' },
  { name: 'guided_json', how: 'mapped', note: 'response_format' },
  {
    name: 'structured_outputs',
    how: 'mapped',
    note: 'response_format, from its json or json_object; its other fields are refused'
  },
  { name: 'guided_choice', how: 'refused', note: `${SCHEMA}: {"enum": [...]}` },
  { name: 'guided_regex', how: 'refused', note: `${SCHEMA}: {"type": "string", "pattern": …}` },
  { name: 'guided_grammar', how: 'refused', note: SCHEMA },
  { name: 'structural_tag', how: 'refused', note: 'use tools' },
  { name: 'guided_whitespace_pattern', how: 'refused', note: "white space is the engine's" },
  ...hints('there is one way to do it', 'guided_decoding_backend'),
  { name: 'min_tokens', how: 'refused', note: 'ask for a length in words', idle: [0] },
  {
    name: 'ignore_eos',
    how: 'refused',
    note: 'an answer ends where the model ends it',
    idle: [false]
  },
  { name: 'stop_token_ids', how: 'refused', note: 'use stop' },
  {
    name: 'include_stop_str_in_output',
    how: 'refused',
    note: 'add the stop text yourself',
    idle: [false]
  },
  { name: 'allowed_token_ids', how: 'refused', note: 'use logit_bias' },
  { name: 'bad_words', how: 'refused', note: 'use logit_bias' },
  { name: 'logits_processors', how: 'refused', note: 'use logit_bias' },
  {
    name: 'prompt_logprobs',
    how: 'refused',
    note: 'use echo with logprobs of /v1/completions',
    idle: [false]
  },
  {
    name: 'use_beam_search',
    how: 'refused',
    note: 'ask for n answers and choose yourself',
    idle: [false]
  },
  { name: 'length_penalty', how: 'refused', note: 'it needs beam search', idle: [1] },
  {
    name: 'skip_special_tokens',
    how: 'refused',
    note: 'control tokens are no text',
    idle: [true]
  },
  { name: 'echo', of: 'chat', how: 'refused', note: 'you have the messages', idle: [false] },
  {
    name: 'add_special_tokens',
    how: 'refused',
    note: 'the engine adds what the model needs',
    idle: [true, false]
  },
  {
    name: 'chat_template',
    of: 'chat',
    how: 'refused',
    note: 'a model is asked by its own template: start its worker with --chat-template'
  },
  {
    name: 'truncate_prompt_tokens',
    how: 'refused',
    note: 'HAIF never leaves out a part of the input by itself'
  },
  { name: 'return_token_ids', how: 'refused', note: TOKENS_STAY, idle: [false] },
  { name: 'return_tokens_as_token_ids', how: 'refused', note: TOKENS_STAY, idle: [false] },
  { name: 'thinking_token_budget', how: 'refused', note: EFFORT, idle: [-1] },
  { name: 'prompt_embeds', how: 'refused', note: 'send the prompt as text or token ids' },
  { name: 'media_io_kwargs', how: 'refused', note: 'the models here read text only' },
  { name: 'mm_processor_kwargs', how: 'refused', note: 'the models here read text only' },
  { name: 'kv_transfer_params', how: 'refused', note: OWN_RUN },
  { name: 'vllm_xargs', how: 'refused', note: OWN_RUN },
  ...hints(
    'thoughts stand in a field of their own, which a client may ignore',
    'include_reasoning'
  ),
  ...hints('it only spaces control tokens', 'spaces_between_special_tokens'),
  ...hints('the gateway decides who goes first', 'priority'),
  ...hints('use X-Request-ID', 'request_id'),
  ...hints("caches are not shared between tenants' answers", 'cache_salt')
]

const LLAMA_CPP: readonly Field[] = [
  { name: 'n_predict', how: 'mapped', note: 'max_tokens' },
  { name: 'n_cmpl', how: 'mapped', note: 'n' },
  { name: 'repeat_penalty', how: 'mapped', note: 'repetition_penalty' },
  { name: 'json_schema', how: 'mapped', note: 'response_format' },
  { name: 'grammar', how: 'refused', note: SCHEMA },
  { name: 'grammar_lazy', how: 'refused', note: SCHEMA, idle: [false] },
  { name: 'grammar_triggers', how: 'refused', note: SCHEMA },
  { name: 'preserved_tokens', how: 'refused', note: 'control tokens are no text' },
  { name: 'n_probs', how: 'refused', note: LOGPROBS, idle: [0] },
  {
    name: 'post_sampling_probs',
    how: 'refused',
    note: "logprobs are the model's own, before sampling",
    idle: [false]
  },
  { name: 'return_tokens', how: 'refused', note: TOKENS_STAY, idle: [false] },
  { name: 'response_fields', how: 'refused', note: 'replies have all fields' },
  { name: 'typical_p', how: 'refused', note: SAMPLER, idle: [1] },
  { name: 'top_n_sigma', how: 'refused', note: SAMPLER, idle: [-1, 0] },
  { name: 'xtc_probability', how: 'refused', note: SAMPLER, idle: [0] },
  { name: 'mirostat', how: 'refused', note: SAMPLER, idle: [0] },
  { name: 'dynatemp_range', how: 'refused', note: SAMPLER, idle: [0] },
  { name: 'adaptive_target', how: 'refused', note: SAMPLER, idle: [-1] },
  { name: 'samplers', how: 'refused', note: "their order is the engine's" },
  { name: 'min_keep', how: 'refused', note: SAMPLER, idle: [0, 1] },
  { name: 'dry_multiplier', how: 'refused', note: PENALTY, idle: [0] },
  {
    name: 'repeat_last_n',
    how: 'refused',
    note: 'a repetition penalty looks at the last 64 tokens',
    idle: [64]
  },
  ...hints('what they set is off', 'xtc_threshold mirostat_tau mirostat_eta dynatemp_exponent'),
  ...hints('what they set is off', 'adaptive_decay dry_base dry_allowed_length'),
  ...hints('what they set is off', 'dry_penalty_last_n dry_sequence_breakers'),
  { name: 'n_indent', how: 'refused', note: 'the engines do not look at indentation', idle: [0] },
  {
    name: 't_max_predict_ms',
    how: 'refused',
    note: 'use the header X-HAIF-Timeout-Ms',
    idle: [0, -1]
  },
  {
    name: 't_max_prompt_ms',
    how: 'refused',
    note: 'use the header X-HAIF-Timeout-Ms',
    idle: [0, -1]
  },
  { name: 'lora', how: 'refused', note: OWN_RUN },
  { name: 'image_data', how: 'refused', note: 'the models here read text only' },
  { name: 'input_prefix', how: 'refused', note: 'there is no infill: send one prompt' },
  { name: 'input_suffix', how: 'refused', note: 'there is no infill: send one prompt' },
  { name: 'input_extra', how: 'refused', note: 'there is no infill: send one prompt' },
  {
    name: 'reasoning_format',
    how: 'refused',
    note: 'thoughts are always in reasoning_content',
    idle: ['auto', 'deepseek']
  },
  {
    name: 'thinking_forced_open',
    how: 'refused',
    note: "the model's template says how a thought begins",
    idle: [false]
  },
  { name: 'parse_tool_calls', how: 'refused', note: 'calls are always read', idle: [true] },
  { name: 'reasoning_budget_tokens', how: 'refused', note: EFFORT, idle: [-1] },
  { name: 'thinking_budget_tokens', how: 'refused', note: EFFORT, idle: [-1] },
  { name: 'reasoning_control', how: 'refused', note: EFFORT, idle: [false] },
  ...hints('it belongs to a budget, which is refused', 'reasoning_budget_message'),
  ...hints('prefixes are cached anyway', 'cache_prompt n_cache_reuse id_slot'),
  ...hints('a context is never shifted', 'n_keep n_discard'),
  ...hints('the reply has its own usage and headers', 'timings_per_token return_progress verbose'),
  ...hints('a silent stream is kept alive', 'sse_ping_interval'),
  ...hints('it only sets where tokens are drawn', 'backend_sampling')
]

const OTHERS: readonly Field[] = [
  { name: 'enable_thinking', of: 'chat', how: 'mapped', note: 'thinking on or off' },
  { name: 'think', of: 'chat', how: 'mapped', note: 'thinking on or off, or reasoning_effort' },
  { name: 'thinking', of: 'chat', how: 'mapped', note: 'thinking on or off, from its type' },
  { name: 'reasoning', of: 'chat', how: 'mapped', note: 'reasoning_effort, from its effort' },
  { name: 'format', how: 'mapped', note: 'response_format' },
  { name: 'random_seed', how: 'mapped', note: 'seed' },
  { name: 'options', how: 'refused', note: 'put temperature and the others beside the model' },
  { name: 'extra_body', how: 'refused', note: 'put its fields beside the model' },
  { name: 'thinking_budget', how: 'refused', note: EFFORT, idle: [-1] },
  { name: 'regex', how: 'refused', note: `${SCHEMA}: {"type": "string", "pattern": …}` },
  { name: 'ebnf', how: 'refused', note: SCHEMA },
  { name: 'stop_regex', how: 'refused', note: 'use stop' },
  { name: 'no_stop_trim', how: 'refused', note: 'add the stop text yourself', idle: [false] },
  {
    name: 'separate_reasoning',
    how: 'refused',
    note: 'thoughts are always in reasoning_content',
    idle: [true]
  },
  { name: 'lora_path', how: 'refused', note: OWN_RUN },
  { name: 'session_params', how: 'refused', note: 'send the whole chat' },
  { name: 'top_a', how: 'refused', note: SAMPLER, idle: [0] },
  { name: 'safe_prompt', how: 'refused', note: 'write it as a system message', idle: [false] },
  { name: 'prompt_mode', how: 'refused', note: EFFORT },
  { name: 'models', how: 'refused', note: 'use model, or an alias of several (MODEL_ALIASES)' },
  { name: 'plugins', how: 'refused', note: 'offer tools' },
  {
    name: 'transforms',
    how: 'refused',
    note: 'HAIF never leaves out a part of the input by itself'
  },
  ...hints('workers decide how long a model stays loaded', 'keep_alive ttl'),
  ...hints('thoughts are streamed as they come', 'stream_reasoning'),
  ...hints('use X-Request-ID', 'rid'),
  ...hints('the mesh chooses the worker', 'provider route')
]

export const FIELDS: Readonly<
  Record<'OpenAI' | 'vLLM' | 'llama.cpp' | 'others', readonly Field[]>
> = { OpenAI: OPENAI, vLLM: VLLM, 'llama.cpp': LLAMA_CPP, others: OTHERS }
