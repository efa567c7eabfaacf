/**
 * Runs a worker alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, HAIF_LOCAL_SOCKETS, MODEL_ID,
 * MODEL_ON_DEMAND, MEMORY_BUDGET, GPU, DRAIN_MS, LOG_LEVEL; with a server that runs the models:
 * UPSTREAM_URL, UPSTREAM_KEY_FILE, UPSTREAM_SLOTS.
 */
import { runMain } from '#shared/main/run-main.ts'
import { stopThisProcess } from '#shared/main/until-signal.ts'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { readWorkerConfig } from './config.ts'
import { readHub } from './models/sources/hub.ts'
import { workerService } from './worker-here.ts'

await runMain(process.env, 'worker', (env) => {
  const place = placeFromEnvironment(env, 'worker')
  const config = readWorkerConfig(env)
  const service = workerService({ place, config, hub: readHub(env), onDrain: stopThisProcess })
  return { log: place.log, service }
})
