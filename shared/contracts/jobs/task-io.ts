/**
 * What each type of task takes and puts out, by name: a graph is refused when it is submitted, not
 * an hour later, if a task lacks its input or refers to a field that nobody puts out.
 */
import type { TaskType } from './graph.ts'

interface TaskIo {
  /** One of these must be there. */
  needs: readonly string[]
  /** All that it takes. */
  takes: readonly string[]
  /** The fields of its output; its artifacts are `artifacts.<name>`. */
  gives: readonly string[]
}

const SAMPLING = ['max_tokens', 'temperature', 'top_p', 'top_k', 'seed', 'stop', 'response_format']

export const TASK_IO = {
  // `prompt`: a text, or a list, which is joined by empty lines.
  llm_inference: {
    needs: ['prompt', 'messages'],
    takes: ['prompt', 'messages', 'system', 'model', 'fallback', ...SAMPLING],
    gives: ['text', 'json', 'model', 'finish_reason', 'worker', 'usage']
  },
  // `input`: a text or a list of texts.
  embedding: {
    needs: ['input'],
    takes: ['input', 'model', 'fallback'],
    gives: ['vectors', 'texts', 'count', 'model', 'worker', 'usage']
  },
  retrieval: {
    needs: ['query'],
    takes: ['query', 'documents', 'vectors', 'collection', 'add', 'filter', 'top_k', 'model'],
    gives: ['documents', 'text', 'count']
  },
  // `op`: `merge` (the default), or `split`, which makes parts of `text` or `items`. Runs on every
  // worker, as it runs nobody's code.
  aggregation: {
    needs: ['items', 'text', 'artifacts'],
    takes: ['op', 'items', 'text', 'artifacts', 'max_parts', 'part_characters', 'by', 'strategy'],
    gives: ['text', 'parts', 'items', 'count', 'conflicts', 'sources']
  },
  tool_execution: {
    needs: ['command'],
    takes: ['command', 'stdin', 'files', 'environment', 'outputs', 'limits'],
    gives: ['stdout', 'stderr', 'exit_code', 'files', 'text', 'json']
  },
  model_download: {
    needs: ['model'],
    takes: ['model', 'source', 'name', 'sha256'],
    gives: ['model', 'sha256', 'bytes', 'path']
  },
  // Made by a gateway for whoever may run the object; no graph of a caller may have one.
  function: {
    needs: ['bundle'],
    takes: ['bundle', 'seal', 'arguments', 'warm', 'limits', 'secrets', 'of'],
    gives: ['value', 'text', 'stdout', 'stderr', 'used']
  }
} as const satisfies Record<TaskType, TaskIo>
