/**
 * Runs a worker alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, MODEL_ID, DRAIN_MS, LOG_LEVEL; with a
 * server that runs the models: UPSTREAM_URL, UPSTREAM_KEY_FILE, UPSTREAM_SLOTS.
 */
import { runMain, stopThisProcess, type Service } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { readWorkerConfig, type UpstreamConfig } from './config.ts'
import { discoverUpstream } from './engines/openai/discover.ts'
import type { ModelSource } from './held-model.ts'
import { readHub } from './models/hub.ts'
import { modelSource } from './models/model-source.ts'
import { createWorker, type Worker } from './worker.ts'

await runMain(process.env, (env) => {
  const { home, join, self, log } = placeFromEnvironment(env, 'worker')
  const { models: uris, upstream, drainMs } = readWorkerConfig(env)
  const create = (models: ModelSource[]) =>
    createWorker({ join, models, self, onDrain: stopThisProcess, drainMs, log })
  const service =
    upstream === null
      ? create(uris.map((uri) => modelSource(uri, { folder: home.models, hub: readHub(env) })))
      : onUpstream(upstream, create)
  return { log, service }
})

/** Its models are known when the server has told them. */
function onUpstream(upstream: UpstreamConfig, create: (models: ModelSource[]) => Worker): Service {
  let worker: Worker | null = null
  return {
    async start() {
      worker = create(await discoverUpstream(upstream.url, upstream))
      await worker.start()
    },
    async stop() {
      await worker?.stop()
    },
    get stopMsMax() {
      return worker?.stopMsMax ?? 0
    }
  }
}
