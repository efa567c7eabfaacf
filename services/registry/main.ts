/** Runs the registry alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, HAIF_LOCAL_SOCKETS, DATABASE_URL, LOG_LEVEL. */
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { MemoryCatalogue } from './peers/catalogue.ts'
import { createRegistry } from './registry.ts'

await runMain(process.env, 'registry', (env) => {
  const { join, self, log } = placeFromEnvironment(env, 'registry')
  const store = storeFromEnvironment(env, log)
  const registry = createRegistry({ join, catalogue: new MemoryCatalogue(), self, store, log })
  return { log, service: together([...(store === null ? [] : [store]), registry]) }
})
