/** The programs of llama.cpp that HAIF is measured against, built when they are needed first. */
import {
  buildPrograms,
  knownPrograms,
  missingTool,
  type ReferencePrograms
} from '../../../tools/llama-reference/programs.ts'

/** `LLAMA_BATCHED_BENCH` names a program that was built elsewhere, as one for a GPU is. */
export function referencePrograms(): ReferencePrograms {
  const named = process.env['LLAMA_BATCHED_BENCH'] ?? ''
  if (named !== '') return { release: 'elsewhere', batchedBench: named, server: '' }
  const known = knownPrograms()
  if (known !== null) return known
  const missing = missingTool()
  if (missing !== null) {
    throw new Error(`llama.cpp's own programs cannot be built: ${missing} is not installed`)
  }
  process.stderr.write("  building llama.cpp's own programs, once: about 7 minutes on two cores\n")
  return buildPrograms()
}
