/** Runs an orchestrator alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { openOrchestrator } from './orchestrator-here.ts'

await runMain(process.env, 'orchestrator', async (env) => {
  const place = await placeFromEnvironment(env, 'orchestrator')
  const store = storeFromEnvironment(env, place.log)
  return { log: place.log, service: together([store, openOrchestrator({ ...place, env, store })]) }
})
