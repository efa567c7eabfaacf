/**
 * Runs an orchestrator alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, DATABASE_URL, MODEL_ALIASES, SETTLE_MS,
 * LOG_LEVEL.
 */
import { runMain, together } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { readOrchestratorConfig } from './config.ts'
import { createOrchestrator } from './orchestrator.ts'

await runMain(process.env, 'orchestrator', (env) => {
  const { join, self, log } = placeFromEnvironment(env, 'orchestrator')
  const store = storeFromEnvironment(env, log)
  const config = readOrchestratorConfig(env)
  const orchestrator = createOrchestrator({ join, self, log, store, ...config })
  return { log, service: together([...(store === null ? [] : [store]), orchestrator]) }
})
