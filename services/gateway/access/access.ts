/** Everything that decides about access, put together: one for each gateway. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Limits } from '#shared/contracts/access/access.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { MemoryState } from '#shared/store/memory-state.ts'
import type { SharedState } from '#shared/store/shared-state.ts'
import type { Store } from '#shared/store/store.ts'
import { AccessAdmin } from './access-admin.ts'
import { Admission, type TenantDefaults } from './admission.ts'
import { CheckpointKey } from '../audit/audit-chain.ts'
import { Audit, type CheckpointFile } from '../audit/audit.ts'
import { BudgetKeeper } from './budget-keeper.ts'
import { Budgets } from './budgets.ts'
import { CacheScopes, type CacheGroups } from './cache-scopes.ts'
import { Concurrency } from './concurrency.ts'
import { Directory, type TokensMark } from './directory.ts'
import { LOCAL_TENANT, type Principal } from './principal.ts'
import { staticPrincipals, type StaticToken } from './static-tokens.ts'
import { Secrets } from '../secrets/secrets.ts'
import { Tickets } from './tickets.ts'
import type { TokenText } from './token-text.ts'

export interface AccessDeps {
  /** Null: no tokens can be made, and budgets begin anew with each start. */
  store: Store | null
  /** Keyed hashes and signatures hang on it; the same at all gateways of a store. */
  pepper: Buffer
  staticTokens?: readonly StaticToken[]
  operatorKey?: TokenText
  checkpoints?: CheckpointFile
  tenantDefaults?: TenantDefaults
  /** Tenants that share the caches of their prompts. */
  cacheGroups?: CacheGroups
  maxConcurrentPerCaller: number
  /** Whether the start does not wait for the store, so that the first requests do. */
  opensLater?: boolean
  /** The store has never been opened, so that there are no tokens in it to wait for. */
  isFresh?: boolean
  /** Says, outside the database, that there have been tokens. */
  tokensMark?: TokensMark
  /** Called when a start that does not wait for the store finds that nobody can be let in. */
  onFailure?: (error: unknown) => void
  /** Counts that several gateways share; it has started before. Else each has its own. */
  shared?: SharedState
  /** Milliseconds since 1970. */
  now?: () => number
  log: Logger
}

/** What needs a store. */
interface StoredAccess {
  store: Store
  admin: AccessAdmin
  audit: Audit
  secrets: Secrets
}

export class Access implements Service {
  readonly directory: Directory
  readonly admission: Admission
  readonly tickets: Tickets
  readonly #deps: AccessDeps
  readonly #stored: StoredAccess | null
  readonly #cacheScopes: CacheScopes
  readonly #keeper: BudgetKeeper | null
  /** The limits over the defaults, by the tenant's own limits. */
  #limits = new WeakMap<Limits, Limits>()
  #tenantDefaults: TenantDefaults
  /** Null once it is known who may ask; until then nobody is let in. */
  #opening: Promise<void> | null = null
  #stopping = false

  constructor(deps: AccessDeps) {
    const { store, staticTokens = [], now = Date.now, log } = deps
    const pepper = createSecretKey(deps.pepper)
    this.#deps = deps
    this.#tenantDefaults = deps.tenantDefaults ?? {}
    const statics = staticPrincipals(staticTokens, pepper)
    const mark = deps.tokensMark ?? null
    this.directory = new Directory({ store, pepper, statics, mark, now, log })
    this.#cacheScopes = new CacheScopes(pepper, deps.cacheGroups ?? [])
    this.tickets = new Tickets(deps.pepper, now)
    const budgets = new Budgets(now)
    this.admission = new Admission({
      shared: deps.shared ?? new MemoryState({ now }),
      budgets,
      concurrency: new Concurrency(deps.maxConcurrentPerCaller),
      ...addressLimits(deps.tenantDefaults ?? {})
    })
    this.#keeper = store === null ? null : new BudgetKeeper({ store, budgets, now, log })
    this.#stored = store === null ? null : this.#withStore(store, pepper, now)
  }

  /** Throws UNAUTHENTICATED, and whatever keeps us from knowing. */
  async authenticate(context: ServerContext): Promise<Principal> {
    if (this.#opening !== null && this.#deps.isFresh !== true) await this.#opening
    return this.directory.authenticate(context.presented)
  }

  /** Like `authenticate`, for what a jobs service asks; throws UNAUTHENTICATED. */
  async onBehalf(tokenId: string | undefined): Promise<Principal> {
    await this.#opening
    return this.directory.onBehalf(tokenId)
  }

  /** The scope in which a tenant's prompts are cached; the same at all gateways. */
  cacheScopeOf(tenant: string): string {
    return this.#cacheScopes.of(tenant)
  }

  /** Whether callers need a token. */
  async tokensNeeded(): Promise<boolean> {
    await this.#opening
    return this.directory.tokensNeeded
  }

  /**
   * A tenant's limits over the defaults. Returns the same object until they change: Admission
   * caches by identity.
   */
  limitsOf(tenant: string): Limits {
    const own = this.directory.limitsOf(tenant)
    const known = this.#limits.get(own)
    if (known !== undefined) return known
    const limits = { ...this.#tenantDefaults, ...own }
    this.#limits.set(own, limits)
    return limits
  }

  /** Over those of the environment; for tenants that have none of their own. */
  changeTenantDefaults(changed: TenantDefaults): void {
    this.#tenantDefaults = { ...this.#deps.tenantDefaults, ...changed }
    this.#limits = new WeakMap()
  }

  keepsPrompts(tenant: string): boolean {
    return this.directory.keepsPrompts(tenant)
  }

  /** What does not work although callers are let in as before. */
  warnings(): string[] {
    const all = [this.directory.warning, this.#keeper?.warning ?? null]
    return all.filter((warning) => warning !== null)
  }

  get stored(): StoredAccess {
    if (this.#stored !== null) return this.#stored
    throw new HaifError(
      'STORE_UNAVAILABLE',
      'this gateway keeps nothing: give it DATABASE_URL, or use "haif up"'
    )
  }

  get storedOrNull(): StoredAccess | null {
    return this.#stored
  }

  /** The audit where there is a store; without one there is nothing that it could be kept in. */
  get audit(): Audit | null {
    return this.#stored?.audit ?? null
  }

  /** The store has started before. */
  async start(): Promise<void> {
    const { opensLater = false, operatorKey, log, onFailure } = this.#deps
    // Where there is a store, it may say that the key was revoked.
    if (operatorKey !== undefined) this.directory.learnOperatorKey(operatorKey)
    const opening = this.#open()
    this.#opening = opening
    opening.then(
      () => (this.#opening = null),
      (error: unknown) => {
        if (this.#stopping) return
        log.error({ err: error }, 'nobody is let in, as tokens cannot be read')
        onFailure?.(error)
      }
    )
    if (!opensLater) await opening
  }

  async #open(): Promise<void> {
    const { operatorKey } = this.#deps
    if (this.#stored === null) return
    await this.#checkPepper(this.#stored.store)
    await this.directory.start()
    this.#assertTokensThere()
    await this.#keeper?.start()
    if (operatorKey === undefined) return
    try {
      await this.#stored.admin.registerOperatorKey(operatorKey, LOCAL_TENANT)
    } catch (error) {
      if (this.#stopping) return // the store ends before this does
      // It is known to this gateway all the same, and the next start registers it.
      this.#deps.log.warn({ reason: reasonOf(error) }, 'the operator key cannot be registered now')
    }
  }

  /** An empty database after one with tokens has lost them, and must not open the door. */
  #assertTokensThere(): void {
    const { tokensMark } = this.#deps
    if (tokensMark?.isSet() !== true || this.directory.hasTokens) return
    throw new HaifError(
      'STATE_LOST',
      'the database has no tokens, and there were some: it is another database, or has lost them. ' +
        'Nobody is let in. Restore a backup with "haif db restore", or correct DATABASE_URL; ' +
        `if it is meant to have none, keep a copy of ${tokensMark.file} and remove it`
    )
  }

  async stop(): Promise<void> {
    this.#stopping = true
    // A store that is still being opened is not waited for: nothing was counted yet.
    if (this.#opening === null) await this.#keeper?.stop()
    else this.#opening.catch(() => {})
    await this.directory.stop()
  }

  #withStore(store: Store, pepper: KeyObject, now: () => number): StoredAccess {
    const { checkpoints = NOWHERE, log } = this.#deps
    const onUnexported = (error: unknown) =>
      log.warn({ reason: reasonOf(error) }, 'a checkpoint of the audit is in the database only')
    const key = new CheckpointKey(pepper)
    const audit = new Audit({ store, key, checkpoints, onUnexported, now })
    const admin = new AccessAdmin({ store, audit, directory: this.directory, pepper, now })
    const secrets = new Secrets(store, this.#deps.pepper)
    return { store, admin, audit, secrets }
  }

  /**
   * With another pepper every token would be unknown, and nobody would know why. It is only written
   * when there is none, so that a database that takes no writes can be served from.
   */
  async #checkPepper(store: Store): Promise<void> {
    const own = createHmac('sha256', this.#deps.pepper).update('haif token pepper').digest('hex')
    const [known] = await store.query<{ pepper_check: string | null }>(
      'select pepper_check from access_state'
    )
    if (known?.pepper_check === own) return
    const [row] = await store.query<{ pepper_check: string }>(
      'update access_state set pepper_check = coalesce(pepper_check, $1) returning pepper_check',
      [own]
    )
    if (row?.pepper_check === own) return
    throw new HaifError(
      'CONFIG_INVALID',
      'the tokens in this database were made with another pepper: give all gateways the same HAIF_TOKEN_PEPPER or HAIF_TOKEN_PEPPER_FILE (by default it is in the file token.pepper of HAIF_HOME)'
    )
  }
}

/** Tenants that one address may name before the limits of all of them are its own. */
const TENANTS_OF_AN_ADDRESS = 8

/** Else the limit of a tenant would be passed by naming another one with each request. */
function addressLimits({ concurrent, requestsPerSecond }: TenantDefaults) {
  if (concurrent === undefined && requestsPerSecond === undefined) return {}
  const limits: Limits = {}
  if (concurrent !== undefined) limits.concurrent = concurrent * TENANTS_OF_AN_ADDRESS
  if (requestsPerSecond !== undefined) {
    limits.requestsPerSecond = requestsPerSecond * TENANTS_OF_AN_ADDRESS
  }
  return { addressLimits: limits }
}

const NOWHERE: CheckpointFile = { put: async () => {}, all: async () => new Map() }
