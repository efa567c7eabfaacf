/**
 * Every field of Anthropic's bodies, and what becomes of it here. Fields that are not in a table
 * mean nothing to Anthropic either and are ignored. `docs/clients.md` is generated from the tables
 * (`npm run docs`), and a test sends each field.
 */
import { hints, taken, type Field } from '../http/fields.ts'

const WHOLE = 'the model sees the whole conversation as it is sent'
const RUNS_TOOLS = 'it belongs to tools that Anthropic runs, which are left out'

const BODY: readonly Field[] = [
  ...taken('model messages max_tokens system stop_sequences stream'),
  ...taken('temperature top_p top_k tools tool_choice'),
  {
    name: 'thinking',
    how: 'mapped',
    note: 'an effort of reasoning, and whether thoughts are shown'
  },
  { name: 'output_config', how: 'mapped', note: 'an effort of reasoning, and a JSON schema' },
  { name: 'output_format', how: 'mapped', note: 'output_config.format' },
  ...hints('prefixes are cached anyway', 'cache_control diagnostics'),
  ...hints('there is nobody to tell', 'metadata'),
  ...hints('there is one tier, and the mesh chooses the worker', 'service_tier speed'),
  ...hints('there is one tier, and the mesh chooses the worker', 'inference_geo'),
  ...hints('the tenant of the token is charged', 'billing_policy'),
  ...hints('no model here declines for its vendor', 'fallbacks fallback_credit_token'),
  ...hints(WHOLE, 'context_management'),
  ...hints(RUNS_TOOLS, 'container'),
  {
    name: 'mcp_servers',
    how: 'refused',
    note: 'connect them in your client, which offers their tools here'
  },
  { name: 'compaction', how: 'refused', note: 'ask for a summary in a message' },
  { name: 'thread', how: 'refused', note: 'send the whole conversation' }
]

const THINKING: readonly Field[] = [
  ...taken('type'),
  {
    name: 'budget_tokens',
    how: 'mapped',
    note: 'an effort: 4,096 is low, 16,384 medium, more high'
  },
  { name: 'display', how: 'mapped', note: 'with "omitted" blocks of thoughts are empty' },
  ...hints('thoughts are taken back unsigned', 'block_binding')
]

const OUTPUT: readonly Field[] = [
  ...taken('format'),
  { name: 'effort', how: 'mapped', note: 'an effort of reasoning, while thinking is on' },
  { name: 'task_budget', how: 'refused', note: 'use max_tokens' }
]

const TOOL: readonly Field[] = [
  ...taken('name description input_schema strict type'),
  ...hints('prefixes are cached anyway', 'cache_control'),
  ...hints('all tools are offered at once', 'defer_loading'),
  ...hints(RUNS_TOOLS, 'allowed_callers'),
  ...hints('arguments are streamed as they come', 'eager_input_streaming'),
  ...hints('no model here has been trained on it', 'input_examples')
]

/** By the place of the object that has them. */
export const ANTHROPIC_FIELDS = {
  body: BODY,
  thinking: THINKING,
  output_config: OUTPUT,
  tools: TOOL
} as const satisfies Record<string, readonly Field[]>
