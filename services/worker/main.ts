/** Runs a worker alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, MODEL_ID, DRAIN_MS, LOG_LEVEL. */
import { runMain, stopThisProcess } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { readWorkerConfig } from './config.ts'
import { readHub } from './models/hub.ts'
import { modelSource } from './models/model-source.ts'
import { createWorker } from './worker.ts'

await runMain(process.env, (env) => {
  const { home, join, self, log } = placeFromEnvironment(env, 'worker')
  const { models: uris, drainMs } = readWorkerConfig(env)
  const models = uris.map((uri) => modelSource(uri, { folder: home.models, hub: readHub(env) }))
  return {
    log,
    service: createWorker({ join, models, self, onDrain: stopThisProcess, drainMs, log })
  }
})
