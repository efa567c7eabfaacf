/** A worker from its settings: its own models, or those of a server that runs them. */
import type { Service } from '#shared/process/lifecycle.ts'
import type { Place } from '#shared/main/place.ts'
import type { WorkerConfig } from './config.ts'
import { discoverUpstream } from './models/sources/upstream-source.ts'
import type { ModelSource } from './models/sources/model-source.ts'
import { lookAtMachine } from './machine.ts'
import type { Hub } from './models/sources/hub.ts'
import { modelArgument } from './models/sources/model-uri.ts'
import { stopMsMaxOf } from './worker-life.ts'
import { createWorker, type Worker, type WorkerDeps } from './worker.ts'

export interface OpenWorkerOptions extends Pick<WorkerDeps, 'onDrain' | 'onModel' | 'onConnected'> {
  place: Place
  config: WorkerConfig
  hub: Hub
}

export async function openWorker({
  place,
  config,
  hub,
  ...hooks
}: OpenWorkerOptions): Promise<Worker> {
  const { upstream, drainMs, gpu, budget: wish } = config
  const own = (text: string): ModelSource =>
    modelArgument(text, { folder: place.home.models, hub, gpu })
  const models =
    upstream === null ? config.models.map(own) : await discoverUpstream(upstream.url, upstream)
  const onDemand = config.onDemand.map(own)
  const engines = [...models, ...onDemand].map(({ engine }) => engine)
  const look = lookAtMachine({ gpu, engines, wish })
  return createWorker({ ...place, ...hooks, ...look, models, onDemand, drainMs })
}

/** The same as a service whose models are known when it has started. */
export function workerService(
  options: OpenWorkerOptions,
  run: (worker: Worker) => Promise<void> = (worker) => worker.start()
): Service {
  let worker: Worker | null = null
  return {
    stopMsMax: stopMsMaxOf(options.config.drainMs),
    async start() {
      worker = await openWorker(options)
      await run(worker)
    },
    health: () => worker?.health?.() ?? { ready: false, reason: 'not started' },
    async stop() {
      await worker?.stop()
    }
  }
}
