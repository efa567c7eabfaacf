/** Runs a gateway alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, MAX_CONCURRENT_REQUESTS, LOG_LEVEL. */
import { runMain } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { readGatewayConfig } from './config.ts'
import { createGateway } from './gateway.ts'

await runMain(process.env, (env) => {
  const { join, self, log } = placeFromEnvironment(env, 'gateway')
  return { log, service: createGateway({ join, self, log, ...readGatewayConfig(env) }) }
})
