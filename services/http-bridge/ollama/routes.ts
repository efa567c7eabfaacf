/** Ollama's API, for programs that were built for it. */
import type { FastifyInstance } from 'fastify'
import type { InferenceDeps } from '../ask/inference.ts'
import { answerRoutes } from './answer-routes.ts'
import { embedRoutes } from './embed-routes.ts'
import { modelRoutes } from './model-routes.ts'

export function ollamaRoutes(app: FastifyInstance, deps: InferenceDeps): void {
  answerRoutes(app, deps)
  embedRoutes(app, deps)
  modelRoutes(app, deps)
}
