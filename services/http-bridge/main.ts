/**
 * Runs a bridge alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, HAIF_LOCAL_SOCKETS, HOST, PORT,
 * HAIF_ALLOW_ANONYMOUS, REQUEST_TIMEOUT_MS, LOG_LEVEL.
 */
import process from 'node:process'
import { runMain } from '#shared/main/run-main.ts'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { readBridgeConfig } from './config.ts'
import { createHttpBridge } from './http-bridge.ts'

await runMain(process.env, 'http-bridge', (env, metrics) => {
  const config = readBridgeConfig(env)
  const { join, self, log } = placeFromEnvironment(env, 'bridge')
  return {
    log,
    service: createHttpBridge({ join, self, log, metrics, ...config })
  }
})
