/**
 * llama.cpp's log while a model is loaded. The logger belongs to the whole process: a line from one
 * of llama.cpp's own threads would wait for this thread's event loop, which a step keeps waiting,
 * and a logger whose thread has ended takes the process down. So it is set for the load alone, in
 * which only this thread speaks; later lines go to stderr, as llama.cpp has it.
 */
import koffi from 'koffi'
import type { LlamaApi } from './llama-api.ts'

const WARN = 3
const ERROR = 4
/** A line that goes on where the last one ended. */
const CONTINUED = 5

export type OnLog = (line: string) => void

/** Calls `onLine` with each warning and error that comes while `run` runs. */
export function withLog<Result>(api: LlamaApi, onLine: OnLog, run: () => Result): Result {
  let last = 0
  const logger = koffi.register((level: number, text: string) => {
    if (level !== CONTINUED) last = level
    if (last === WARN || last === ERROR) onLine(text.trimEnd())
  }, koffi.pointer(LOGGER))
  api.llama_log_set(logger, null)
  try {
    return run()
  } finally {
    api.llama_log_set(null, null)
    koffi.unregister(logger)
  }
}

const LOGGER = koffi.proto('void llama_logger(int level, const char *text, void *data)')
