/**
 * Runs an orchestrator alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, HAIF_LOCAL_SOCKETS,
 * DATABASE_URL, REDIS_URL, MODEL_ALIASES, SETTLE_MS, LOG_LEVEL.
 */
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { openOrchestrator } from './orchestrator-here.ts'

await runMain(process.env, 'orchestrator', (env) => {
  const place = placeFromEnvironment(env, 'orchestrator')
  const { log } = place
  const store = storeFromEnvironment(env, log)
  const orchestrator = openOrchestrator({ ...place, env, store })
  return { log, service: store === null ? orchestrator : together([store, orchestrator]) }
})
