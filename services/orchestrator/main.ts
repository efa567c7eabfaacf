/** Runs an orchestrator alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, MODEL_ALIASES, LOG_LEVEL. */
import { runMain } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { readOrchestratorConfig } from './config.ts'
import { createOrchestrator } from './orchestrator.ts'

await runMain(process.env, (env) => {
  const { join, self, log } = placeFromEnvironment(env, 'orchestrator')
  return { log, service: createOrchestrator({ join, self, log, ...readOrchestratorConfig(env) }) }
})
