/** An orchestrator of this machine, configured by the environment. */
import type { Environment } from '#shared/process/config.ts'
import { together, type Service } from '#shared/process/lifecycle.ts'
import type { Place } from '#shared/main/place.ts'
import { hintStateFromEnvironment } from '#shared/store/from-environment.ts'
import { followLogLevel, LiveSettings } from '#shared/main/live-settings.ts'
import type { Store } from '#shared/store/store.ts'
import { readOrchestratorConfig } from './config.ts'
import { createOrchestrator } from './orchestrator.ts'

interface OpenOrchestratorOptions extends Place {
  env: Environment
  /** Started before the orchestrator. Null: reservations are known to this process alone. */
  store: Store | null
}

export function openOrchestrator(options: OpenOrchestratorOptions): Service {
  const { env, address, store, log } = options
  const shared = hintStateFromEnvironment(env, { mesh: address.mesh, log })
  const { defaultModel, ...config } = readOrchestratorConfig(env)
  const settings = new LiveSettings({ store, log })
  followLogLevel(settings, log)
  const wished = () => settings.get('defaultModel') ?? defaultModel
  const orchestrator = createOrchestrator({ ...options, ...config, shared, defaultModel: wished })
  return together([shared, settings, orchestrator])
}
