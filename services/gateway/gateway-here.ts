/** A gateway of this machine, with the secrets of its home and the settings of the environment. */
import type { Environment } from '#shared/process/config.ts'
import { together, type Service } from '#shared/process/lifecycle.ts'
import { HomeDisk } from '#shared/main/home-disk.ts'
import type { Place } from '#shared/main/place.ts'
import { sharedStateFromEnvironment } from '#shared/store/from-environment.ts'
import { followLogLevel, LiveSettings } from '#shared/main/live-settings.ts'
import type { Store } from '#shared/store/store.ts'
import { Access, type AccessDeps } from './access/access.ts'
import { JsonCheckpoints } from './audit/checkpoint-file.ts'
import { loadOperatorKey } from './access/operator-key.ts'
import { shortTokens } from './access/static-tokens.ts'
import { givenSettings, readGatewayConfig } from './config.ts'
import { createGateway } from './gateway.ts'
import { createUsage } from './usage/usage.ts'

interface OpenGatewayOptions
  extends Place, Pick<AccessDeps, 'opensLater' | 'isFresh' | 'onFailure'> {
  env: Environment
  /** Starts before. Null: nothing is kept, and what requests cost is not recorded. */
  store: Store | null
}

export function openGateway(options: OpenGatewayOptions): Service {
  const { env, home, address, store, log } = options
  const { gateways, usageSpoolMax, ...config } = readGatewayConfig(env)
  const entries = shortTokens(config.staticTokens)
  if (entries.length > 0) {
    log.warn(
      { entries },
      'tokens of HAIF_API_TOKENS have fewer than 20 characters: make longer ones'
    )
  }
  const shared = sharedStateFromEnvironment(env, {
    mesh: address.mesh,
    store,
    log,
    replicas: () => gateways
  })
  const access = new Access({
    ...options,
    ...config,
    shared,
    pepper: home.tokenPepper(env),
    tokensMark: home.tokensMark,
    operatorKey: loadOperatorKey(home.operatorKeyFile(address.mesh)),
    checkpoints: new JsonCheckpoints(home.auditCheckpoints)
  })
  const usage = store === null ? null : createUsage({ store, home, usageSpoolMax, log })
  const disk = new HomeDisk({ folder: home.folder, log })
  const live = new LiveSettings({ store, log })
  const given = givenSettings(env, config.tenantDefaults)
  const settings = { live, given, logLevel: log.level }
  followLogLevel(live, log)
  const beside = [shared, usage, disk].filter((service) => service !== null)
  const warnings = () => beside.flatMap((service) => service.health?.().warnings ?? [])
  const gateway = createGateway({ ...options, access, usage, takesJobs: true, settings, warnings })
  return together([shared, usage, disk, live, gateway])
}
