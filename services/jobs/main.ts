/** Runs a jobs service alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { openJobs } from './jobs-here.ts'

await runMain(process.env, 'jobs', async (env) => {
  const place = await placeFromEnvironment(env, 'jobs')
  const store = storeFromEnvironment(env, place.log)
  return { log: place.log, service: together([store, openJobs({ ...place, env, store })]) }
})
