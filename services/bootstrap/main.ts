/** Runs the bootstrap nodes of a deployment. Their settings are in docs/settings.md. */
import process from 'node:process'
import { Home } from '#shared/main/home.ts'
import { runMain } from '#shared/main/run-main.ts'
import { readChoice } from '#shared/process/config.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { createBootstrap } from './bootstrap.ts'
import { readBootstrapConfig } from './config.ts'

await runMain(process.env, 'bootstrap', (env) => {
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'), 'bootstrap')
  const service = createBootstrap({ config: readBootstrapConfig(env), home: new Home(env), log })
  return { log, service }
})
