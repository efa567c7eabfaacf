/**
 * A model as a person names it: `uri` or `name=uri`, the name being the one that clients use. A file
 * whose name has an equals sign is written `../a=b.gguf`.
 */
import type { ModelSource } from './model-source.ts'
import { modelSource, type ModelSourceOptions } from './model-uri.ts'

const NAMED = /^([A-Za-z0-9][\w.-]*)=(.+)$/

export function modelArgument(text: string, options: ModelSourceOptions): ModelSource {
  const [, name, uri] = NAMED.exec(text) ?? []
  if (name === undefined || uri === undefined) return modelSource(text, options)
  return modelSource(uri, { ...options, name })
}
