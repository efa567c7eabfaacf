/**
 * The catalogue of functions and pipelines: published in versions that never change, found by
 * their names, seen and run by whom their library allows. See SPEC.md.
 */
import assert from 'node:assert/strict'
import type { Bundle, Port, Signature } from '#shared/contracts/functions/bundle.ts'
import type { RunnableObject } from '#shared/contracts/functions/methods.ts'
import {
  DEFAULT_LIBRARY,
  LIST_MAX,
  type GrantScope,
  type LibraryView,
  type ObjectDetail,
  type ObjectQuery,
  type ObjectView,
  type Published,
  type PublishObject,
  type SetGrant,
  type SetLibrary,
  type VersionView
} from '#shared/contracts/functions/objects.ts'
import { HaifError } from '#shared/errors.ts'
import { assertSealed, bundleSha256, openBundle } from '#shared/functions/open-bundle.ts'
import { pipelineSignature } from '#shared/functions/pipeline-signature.ts'
import type { Store } from '#shared/store/store.ts'
import {
  addLibrary,
  findBundle,
  findByName,
  findLibrary,
  findVersions,
  insertVersion,
  listLibraryRows,
  listVersions,
  lockObject,
  putGrant,
  renameObject,
  updateLibrary,
  versionsOf,
  type LibraryRow,
  type VersionRow
} from './object-rows.ts'
import { chooseObject, keyText, parseRef } from './resolve-name.ts'
import { ResolvedCache } from './resolved-cache.ts'
import { rightsIn } from './rights.ts'
import { aboutBundle, libraryView, objectView, runnable, versionView } from './views.ts'

const LISTED = 100
/** Versions of one object that a description names. */
const VERSIONS_SHOWN = 50

export class Objects {
  readonly #store: Store
  readonly #resolved: ResolvedCache

  constructor(store: Store) {
    this.#store = store
    this.#resolved = new ResolvedCache(store)
  }

  /** O1, O2: the same bundle again is the same version, and what is in a version never changes. */
  async publish(tenant: string, by: string, wish: PublishObject): Promise<Published> {
    const { name, library = DEFAULT_LIBRARY, bundle: body, seal, displayName } = wish
    const sha256 = bundleSha256(body)
    assertSealed(sha256, seal)
    const bundle = openBundle(body)
    const key = { owner: tenant, library, name }
    const signature = await this.#signatureOf(tenant, bundle)
    const isNew = await this.#resolved.change(async (tx) => {
      await addLibrary(tx, tenant, library)
      const { kind } = bundle
      const found = await lockObject(tx, key, { kind, displayName: displayName ?? null })
      if (found.kind !== kind) {
        throw new HaifError('CONFLICT', `${keyText(key)} is a ${found.kind}: take another name`)
      }
      if (displayName !== undefined) await renameObject(tx, key, displayName)
      const [known] = await findVersions(tx, key, sha256)
      if (known !== undefined) return false
      const number = found.latest + 1
      assert(number > 0, 'versions are counted from 1')
      const about = JSON.stringify(aboutBundle(bundle, signature))
      await insertVersion(tx, { ...key, number, sha256, about, body, seal, by })
      return true
    })
    const [row] = await findVersions(this.#store, key, sha256)
    return { object: objectView(row!), isNew }
  }

  async list(tenant: string, query: ObjectQuery): Promise<ObjectView[]> {
    const { owner = null, library = null, kind = null, search = null, limit = LISTED } = query
    const filter = { owner, library, kind, search, tenant, limit }
    return (await listVersions(this.#store, filter)).map(objectView)
  }

  async describe(tenant: string, ref: string, withSource: boolean): Promise<ObjectDetail> {
    const row = await this.#find(tenant, ref)
    if (withSource) assertMay(row, tenant, 'objects:read')
    const versions = (await versionsOf(this.#store, row, VERSIONS_SHOWN)).map((each): VersionView =>
      versionView(each)
    )
    const detail = { ...objectView(row), versions }
    return withSource ? { ...detail, source: await this.bundle(row.sha256) } : detail
  }

  /** O3: from here on the run names one version, whatever is published later. */
  async resolve(tenant: string, ref: string): Promise<RunnableObject> {
    return this.#resolved.of(tenant, ref, async () => {
      const row = await this.#find(tenant, ref)
      assertMay(row, tenant, 'execute')
      return runnable(row)
    })
  }

  async bundle(sha256: string): Promise<string> {
    const body = await findBundle(this.#store, sha256)
    if (body !== null) return body
    throw new HaifError('NOT_FOUND', `there is no bundle ${sha256}`)
  }

  async libraries(tenant: string): Promise<LibraryView[]> {
    const rows = await listLibraryRows(this.#store, tenant, LIST_MAX)
    return rows.map((row) => libraryView(row, tenant))
  }

  async setLibrary(tenant: string, wish: SetLibrary): Promise<LibraryView> {
    const { library: name, displayName = null, visibility = null, policy } = wish
    const text = policy === undefined ? null : JSON.stringify(policy)
    await this.#resolved.change(async (tx) => {
      await addLibrary(tx, tenant, name)
      await updateLibrary(tx, { owner: tenant, name }, { displayName, visibility, policy: text })
    })
    return libraryView((await findLibrary(this.#store, tenant, name))!, tenant)
  }

  async setGrant(tenant: string, { library, to, scopes }: SetGrant): Promise<LibraryView> {
    const found = await this.#ownLibrary(tenant, library)
    const grant = { owner: tenant, library: found.name, to, scopes }
    await this.#resolved.change((tx) => putGrant(tx, grant))
    return libraryView(await this.#ownLibrary(tenant, library), tenant)
  }

  /** Of a pipeline it follows from the objects that it names: its publisher must see them. */
  async #signatureOf(tenant: string, bundle: Bundle): Promise<Signature> {
    if (bundle.kind === 'function') return bundle.signature
    const ports = new Map<string, readonly Port[]>()
    for (const node of bundle.nodes) {
      if (node.kind !== 'object' || ports.has(node.object)) continue
      const { about } = await this.#find(tenant, node.object)
      ports.set(node.object, (JSON.parse(about) as { signature: Signature }).signature.inputs)
    }
    return pipelineSignature(bundle, (ref) => ports.get(ref)!)
  }

  async #ownLibrary(tenant: string, name: string): Promise<LibraryRow> {
    const found = await findLibrary(this.#store, tenant, name)
    if (found !== null) return found
    throw new HaifError('NOT_FOUND', `${tenant} has no library ${name}`)
  }

  async #find(tenant: string, text: string): Promise<VersionRow> {
    const ref = parseRef(text)
    const named = await findByName(this.#store, ref.name)
    const seen = named.filter((row) => rightsIn(row, tenant).has('metadata:read'))
    const latest = chooseObject(ref, tenant, seen)
    if (ref.version === 'latest') return latest
    const found = await findVersions(this.#store, latest, ref.version)
    if (found.length === 1) return found[0]!
    const what = found.length === 0 ? 'has no version' : 'has several versions'
    throw new HaifError('NOT_FOUND', `${keyText(latest)} ${what} ${ref.version}`)
  }
}

function assertMay(row: VersionRow, tenant: string, scope: GrantScope): void {
  if (rightsIn(row, tenant).has(scope)) return
  throw new HaifError(
    'FORBIDDEN',
    `${row.owner} lets ${tenant} see ${keyText(row)}, and does not grant ${scope}`,
    { details: { scope } }
  )
}
