/**
 * Secrets of tenants. Nobody reads a value back: it goes to runs of functions that name it, and to
 * which its tenant has granted it.
 */
import type { OpenedSecrets, RunOf } from '#shared/contracts/functions/run-rights.ts'
import type { SecretGrant, SecretView } from '#shared/contracts/functions/secrets.ts'
import { HaifError } from '#shared/errors.ts'
import type { Store } from '#shared/store/store.ts'
import {
  grantedSecrets,
  listSecretRows,
  putSecret,
  putSecretGrant,
  removeSecret,
  removeSecretGrant,
  type SecretRow
} from './secret-rows.ts'
import { SecretSeal } from './secret-seal.ts'

interface Named {
  tenant: string
  name: string
}

const placeOf = ({ tenant, name }: Named): string => `${tenant}/${name}`

export class Secrets {
  readonly #store: Store
  readonly #seal: SecretSeal

  constructor(store: Store, pepper: Buffer) {
    this.#store = store
    this.#seal = new SecretSeal(pepper)
  }

  async list(tenant: string): Promise<SecretView[]> {
    return (await listSecretRows(this.#store, tenant)).map(viewOf)
  }

  async set(of: Named, value: string, by: string): Promise<SecretView> {
    const sealed = this.#seal.seal(placeOf(of), value)
    await putSecret(this.#store, { ...of, sealed, by })
    return this.#find(of)
  }

  async remove(of: Named): Promise<SecretView> {
    const found = await this.#find(of)
    await removeSecret(this.#store, of.tenant, of.name)
    return found
  }

  async grant(of: Named, to: SecretGrant, withdraw: boolean): Promise<SecretView> {
    await this.#find(of)
    if (withdraw) await removeSecretGrant(this.#store, of, to)
    else await putSecretGrant(this.#store, of, to)
    return this.#find(of)
  }

  /** The owner's come before those of whoever runs it. Throws FORBIDDEN where one is missing. */
  async open(
    tenant: string,
    { owner, library, name: object }: RunOf,
    names: readonly string[]
  ): Promise<OpenedSecrets> {
    const tenants = [...new Set([owner, tenant])]
    const rows = await grantedSecrets(this.#store, tenants, { owner, library, object }, names)
    const secrets = names.map((name) => {
      const found = tenants
        .map((each) => rows.find((row) => row.tenant_id === each && row.name === name))
        .find((row) => row !== undefined)
      if (found === undefined) throw notGranted(name, `${owner}/${library}/${object}`)
      const of = { tenant: found.tenant_id, name }
      return { name, value: this.#seal.open(placeOf(of), found.sealed) }
    })
    return { secrets }
  }

  async #find({ tenant, name }: Named): Promise<SecretView> {
    const [row] = await listSecretRows(this.#store, tenant, name)
    if (row !== undefined) return viewOf(row)
    throw new HaifError('NOT_FOUND', `${tenant} has no secret ${name}`)
  }
}

const notGranted = (name: string, object: string): HaifError =>
  new HaifError(
    'FORBIDDEN',
    `${object} needs the secret ${name}, which nobody has granted to it: ` +
      `"haif secrets grant ${name} ${object}"`
  )

function viewOf({ name, changed_at, grants }: SecretRow): SecretView {
  return {
    name,
    changedAt: changed_at.getTime(),
    grants: grants.map(({ owner, library, object }) =>
      object === '' ? { owner, library } : { owner, library, object }
    )
  }
}
