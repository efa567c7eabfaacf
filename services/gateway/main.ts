/**
 * Runs a gateway alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, DATABASE_URL, REDIS_URL,
 * HAIF_API_TOKENS, HAIF_TOKEN_PEPPER, MAX_CONCURRENT_REQUESTS, TENANT_MAX_CONCURRENT, TENANT_RATE_LIMIT_RPS, LOG_LEVEL.
 */
import { runMain, together } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { sharedStateFromEnvironment, storeFromEnvironment } from '#shared/store/from-environment.ts'
import { accessHere } from './access-here.ts'
import { createGateway } from './gateway.ts'

await runMain(process.env, (env) => {
  const { home, join, self, log } = placeFromEnvironment(env, 'gateway')
  const store = storeFromEnvironment(env, log)
  const topicKey = home.topicKey(undefined, env)
  const shared = sharedStateFromEnvironment(env, { secret: topicKey.secret, store, log })
  const access = accessHere({ env, home, topicKey, store, shared, log })
  const gateway = createGateway({ join, self, access, log })
  const before = store === null ? [shared] : [store, shared]
  return { log, service: together([...before, gateway]) }
})
