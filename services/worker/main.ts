/** Runs a worker alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { failThisProcess, stopThisProcess } from '#shared/main/until-signal.ts'
import { openWorker } from './worker-here.ts'

await runMain(process.env, 'worker', async (env) => {
  const place = await placeFromEnvironment(env, 'worker')
  const ends = { onDrain: stopThisProcess, onRemoved: failThisProcess }
  return { log: place.log, service: openWorker({ ...place, env, ...ends }) }
})
