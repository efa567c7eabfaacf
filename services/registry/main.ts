/** Runs a registry alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { openRegistry } from './registry-here.ts'

await runMain(process.env, 'registry', (env) => {
  const place = placeFromEnvironment(env, 'registry')
  const store = storeFromEnvironment(env, place.log)
  return { log: place.log, service: together([store, openRegistry({ ...place, store })]) }
})
