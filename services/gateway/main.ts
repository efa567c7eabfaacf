/** Runs a gateway alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { together } from '#shared/process/lifecycle.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { openGateway } from './gateway-here.ts'

await runMain(process.env, 'gateway', async (env) => {
  const place = await placeFromEnvironment(env, 'gateway')
  const store = storeFromEnvironment(env, place.log)
  // On a public host it relays, too. In `haif up` the registry of the process does.
  const relays = place.address.reach === 'public'
  const join: JoinMesh = (router, extras) => place.join(router, { relays, ...extras })
  return { log: place.log, service: together([store, openGateway({ ...place, join, env, store })]) }
})
