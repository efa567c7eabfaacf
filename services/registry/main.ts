/** Runs the registry alone. Settings: HAIF_TOPIC_KEY, HAIF_HOME, LOG_LEVEL. */
import { runMain } from '#shared/lifecycle.ts'
import { placeFromEnvironment } from '#shared/place.ts'
import { MemoryCatalogue } from './catalogue.ts'
import { createRegistry } from './registry.ts'

await runMain(process.env, (env) => {
  const { join, self, log } = placeFromEnvironment(env, 'registry')
  return { log, service: createRegistry({ join, catalogue: new MemoryCatalogue(), self, log }) }
})
