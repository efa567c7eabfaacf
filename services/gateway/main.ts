/**
 * Runs a gateway alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, HAIF_LOCAL_SOCKETS, DATABASE_URL, REDIS_URL,
 * HAIF_API_TOKENS, HAIF_TOKEN_PEPPER, MAX_CONCURRENT_REQUESTS, TENANT_MAX_CONCURRENT,
 * TENANT_RATE_LIMIT_RPS, USAGE_SPOOL_MAX, GATEWAYS, LOG_LEVEL.
 */
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { openGateway } from './gateway-here.ts'

await runMain(process.env, 'gateway', (env) => {
  const place = placeFromEnvironment(env, 'gateway')
  const { log } = place
  const store = storeFromEnvironment(env, log)
  const gateway = openGateway({ ...place, env, store })
  return { log, service: store === null ? gateway : together([store, gateway]) }
})
