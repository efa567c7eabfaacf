/** Runs a relay alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { readTlsPlace } from './config.ts'
import { createRelay } from './relay.ts'

await runMain(process.env, 'relay', async (env) => {
  const { join, self, log } = await placeFromEnvironment(env, 'relay')
  const onReachable = (isReachable: boolean) =>
    isReachable
      ? log.info('relays for members: others get in from outside')
      : log.warn('relays for nobody yet: no one gets in from outside; open UDP port 49737')
  return { log, service: createRelay({ join, tls: readTlsPlace(env), onReachable, self, log }) }
})
