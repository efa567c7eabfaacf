/**
 * Runs a gateway alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, DATABASE_URL, REDIS_URL,
 * MAX_CONCURRENT_REQUESTS, USAGE_SPOOL_MAX, GATEWAYS, LOG_LEVEL.
 */
import { runMain, together, type Service } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { readGatewayConfig } from './config.ts'
import { createGateway } from './gateway.ts'
import { createUsage } from './usage.ts'

await runMain(process.env, 'gateway', (env) => {
  const { home, join, self, log } = placeFromEnvironment(env, 'gateway')
  const config = readGatewayConfig(env)
  const store = storeFromEnvironment(env, log)
  const { usageSpoolMax } = config
  const usage = store === null ? null : createUsage({ store, home, usageSpoolMax, log })
  const gateway = createGateway({ join, self, usage, log, ...config })
  const state: Service[] = store === null || usage === null ? [] : [store, usage]
  return { log, service: together([...state, gateway]) }
})
