/**
 * Runs the bootstrap nodes of a deployment. Settings: HAIF_BOOTSTRAP, HAIF_BOOTSTRAP_HOST,
 * HAIF_BOOTSTRAP_PORT, HAIF_TOPIC_KEY, HAIF_TOPIC_KEY_FILE, HAIF_HOME, LOG_LEVEL.
 */
import process from 'node:process'
import { readChoice } from '#shared/process/config.ts'
import { Home } from '#shared/main/home.ts'
import { runMain } from '#shared/main/run-main.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { createBootstrap } from './bootstrap.ts'
import { readBootstrapConfig } from './config.ts'

await runMain(process.env, 'bootstrap', (env) => {
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'), 'bootstrap')
  const service = createBootstrap({ config: readBootstrapConfig(env), home: new Home(env), log })
  return { log, service }
})
