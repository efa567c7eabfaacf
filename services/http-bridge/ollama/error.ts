/** Errors as Ollama's clients expect them: one sentence. */
import type { OllamaErrorBody } from '#shared/contracts/http/ollama.ts'
import type { HaifError } from '#shared/errors.ts'
import { publicMessage } from '../http/errors.ts'

export const ollamaErrorBody = (error: HaifError): OllamaErrorBody => ({
  error: publicMessage(error)
})

export const ollamaStatus = (error: HaifError): number =>
  error.code === 'CONTEXT_TOO_LONG' ? 400 : error.httpStatus
