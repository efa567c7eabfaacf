/** Runs an HTTP bridge alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { openHttpBridge } from './http-bridge-here.ts'

await runMain(process.env, 'http-bridge', async (env, metrics) => {
  const place = await placeFromEnvironment(env, 'bridge')
  return { log: place.log, service: openHttpBridge({ ...place, env, metrics }) }
})
