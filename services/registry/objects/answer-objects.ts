/** Answers gateways about objects, and jobs services that need the bundle of a run. */
import {
  describeObject,
  listLibraries,
  listObjects,
  publishObject,
  readBundle,
  resolveObject,
  setGrant,
  setLibrary
} from '#shared/contracts/functions/methods.ts'
import { CHUNK_BYTES_MAX } from '#shared/contracts/jobs/artifacts.ts'
import type { Router } from '#shared/rpc/router.ts'
import { HaifError } from '#shared/errors.ts'
import type { Store } from '#shared/store/store.ts'
import { Objects } from './objects.ts'

/** `store` null: this registry keeps nothing. */
export function answerObjects(router: Router, store: Store | null): void {
  const kept = store === null ? null : new Objects(store)
  const objects = (): Objects => {
    if (kept !== null) return kept
    throw new HaifError('STORE_UNAVAILABLE', 'the registry keeps nothing: give it DATABASE_URL')
  }
  router
    .respond(publishObject, async ({ tenant, by, wish }) => objects().publish(tenant, by, wish))
    .respond(listObjects, async ({ tenant, query }) => ({
      objects: await objects().list(tenant, query)
    }))
    .respond(describeObject, async ({ tenant, ref, source = false }) =>
      objects().describe(tenant, ref, source)
    )
    .respond(resolveObject, async ({ tenant, ref }) => objects().resolve(tenant, ref))
    .respond(listLibraries, async ({ tenant }) => ({
      libraries: await objects().libraries(tenant)
    }))
    .respond(setLibrary, async ({ tenant, wish }) => objects().setLibrary(tenant, wish))
    .respond(setGrant, async ({ tenant, wish }) => objects().setGrant(tenant, wish))
    .serve(readBundle, async function* ({ sha256 }) {
      const bytes = Buffer.from(await objects().bundle(sha256))
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
        yield bytes.subarray(at, at + CHUNK_BYTES_MAX)
      }
      return {}
    })
}
