/** Runs a registry alone. Its settings are in docs/settings.md. */
import process from 'node:process'
import { placeFromEnvironment } from '#shared/main/place.ts'
import { runMain } from '#shared/main/run-main.ts'
import { HaifError } from '#shared/errors.ts'
import { readString } from '#shared/process/config.ts'
import { together } from '#shared/process/lifecycle.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { standingInvite } from './membership/standing-invite.ts'
import { openRegistry } from './registry-here.ts'

await runMain(process.env, 'registry', async (env) => {
  const place = await placeFromEnvironment(env, 'registry')
  const store = storeFromEnvironment(env, place.log)
  const registry = openRegistry({ ...place, store })
  const file = readString(env, 'HAIF_INVITE_FILE', '')
  const { desk } = registry
  if (file !== '' && desk === null) {
    throw new HaifError(
      'CONFIG_INVALID',
      'HAIF_INVITE_FILE needs DATABASE_URL, and the root key of the mesh in HAIF_MESH_FOLDER'
    )
  }
  const invite = file === '' ? null : standingInvite({ file, ...desk!.inviting, log: place.log })
  return { log: place.log, service: together([store, registry, invite]) }
})
