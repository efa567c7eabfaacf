/**
 * Every field of Ollama's bodies, and what becomes of it here. Fields that are not in a table mean
 * nothing to Ollama either and are ignored. `docs/clients.md` is generated from the tables
 * (`npm run docs`), and a test sends each field.
 */
import { hints, taken, type Field } from '../http/fields.ts'

const WORKERS = 'whoever runs the worker has said it there'
const SAMPLER = 'the engines have no such sampler: use temperature, top_p, top_k and min_p'

const ANSWER: readonly Field[] = [
  ...taken('model stream format options'),
  ...taken('logprobs top_logprobs'),
  { name: 'think', how: 'mapped', note: 'an effort of reasoning' },
  ...hints('workers keep models by the memory that they have', 'keep_alive'),
  ...hints('a prompt that is too long is refused, never cut', 'truncate shift')
]

const CHAT: readonly Field[] = [...ANSWER, ...taken('messages tools')]

const GENERATE: readonly Field[] = [
  ...ANSWER,
  ...taken('prompt system raw'),
  {
    name: 'images',
    how: 'refused',
    note: 'send them in a message of /api/chat, to a model on a server that sees'
  },
  {
    name: 'suffix',
    how: 'refused',
    note: 'these models continue a text and fill no gap in one'
  },
  {
    name: 'template',
    how: 'refused',
    note: "the model's own template is used; raw takes a whole prompt"
  },
  { name: 'context', how: 'refused', note: 'send the conversation as messages to /api/chat' },
  ...['width', 'height', 'steps'].map((name): Field => ({
    name,
    how: 'refused',
    note: 'the models here write text only',
    idle: [0]
  }))
]

const OPTIONS: readonly Field[] = [
  ...taken('temperature top_p top_k min_p seed stop num_predict'),
  ...taken('repeat_penalty frequency_penalty presence_penalty'),
  ...hints(WORKERS, 'num_ctx num_batch num_gpu main_gpu num_thread numa low_vram f16_kv'),
  ...hints(WORKERS, 'logits_all vocab_only use_mmap use_mlock embedding_only draft_num_predict'),
  ...hints('a context is never shifted', 'num_keep'),
  ...hints('what they set is off', 'mirostat_tau mirostat_eta'),
  { name: 'mirostat', how: 'refused', note: SAMPLER, idle: [0] },
  { name: 'typical_p', how: 'refused', note: SAMPLER, idle: [0, 1] },
  { name: 'tfs_z', how: 'refused', note: SAMPLER, idle: [0, 1] },
  {
    name: 'penalize_newline',
    how: 'refused',
    note: 'penalties treat all tokens alike',
    idle: [true]
  },
  {
    name: 'repeat_last_n',
    how: 'refused',
    note: 'a repetition penalty looks at the last 64 tokens',
    idle: [64]
  }
]

const EMBED: readonly Field[] = [
  ...taken('model input'),
  { name: 'dimensions', how: 'refused', note: 'a model makes vectors of its own size', idle: [0] },
  ...hints('a text that is too long is refused, never cut', 'truncate'),
  ...hints('workers keep models by the memory that they have', 'keep_alive'),
  ...hints('they say how to answer', 'options')
]

const EMBEDDINGS: readonly Field[] = [
  ...taken('model prompt'),
  ...hints('workers keep models by the memory that they have', 'keep_alive'),
  ...hints('they say how to answer', 'options')
]

const SHOW: readonly Field[] = [
  ...taken('model name'),
  ...hints('the reply describes the model as its worker has it', 'verbose system template options')
]

const PULL: readonly Field[] = [
  ...taken('model name stream'),
  ...hints('nothing is fetched', 'insecure username password')
]

/** By endpoint; `options` is an object in the first two. */
export const OLLAMA_FIELDS = {
  chat: CHAT,
  generate: GENERATE,
  options: OPTIONS,
  embed: EMBED,
  embeddings: EMBEDDINGS,
  show: SHOW,
  pull: PULL
} as const satisfies Record<string, readonly Field[]>
