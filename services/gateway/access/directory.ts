/**
 * Tokens and tenants as this gateway knows them: a copy of the store's in memory, so that no
 * request waits for the database and an outage of it turns nobody away.
 *
 * A change raises the version in the store. Whoever makes it tells the others at once; and as a
 * notice may be lost, each also asks every second. So a revoked token is valid for less than two
 * seconds more.
 */
import type { KeyObject } from 'node:crypto'
import type { Limits } from '#shared/contracts/access/access.ts'
import { Outage } from '#shared/kit/outage.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Presented } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import {
  ANONYMOUS,
  capabilitiesOf,
  onlyOf,
  tenantsOf,
  tokenNeeded,
  type Principal
} from './principal.ts'
import { hashToken, isSame, parseToken, type TokenText } from './token-text.ts'

export const CHANNEL = 'haif_access'
const POLL_MS = 1000
/** Tokens in memory, about 1 kB each. More cannot be made. */
export const TOKENS_MAX = 100_000
/**
 * An unknown id may be one that was made just now elsewhere; strangers must not make us ask more
 * often.
 */
const LOOK_AGAIN_MS = 250

const NO_LIMITS: Limits = {}

interface KnownToken {
  principal: Principal
  hash: Buffer
  /** What has been found to have that hash: to compare with it takes a tenth of the time. */
  proven: Buffer | null
  revoked: boolean
}

/** The kind of the token that a gateway makes for the operator of its machine. */
export const OPERATOR_KEY = 'operator-key'

interface TokenRow {
  id: string
  kind: string
  tenant_id: string
  scopes: string[]
  hash: string
  limits: Limits
  expires_at: Date | null
  revoked_at: Date | null
  version: number
}

/**
 * Remembers beside the database that there have been tokens. A database that is empty after that
 * has lost them, and must not let everybody in.
 */
export interface TokensMark {
  /** For messages. */
  readonly file: string
  isSet(): boolean
  set(): void
}

interface DirectoryDeps {
  /** Null: only static tokens. */
  store: Store | null
  pepper: KeyObject
  /** By keyed hash of the secret, hex. */
  statics: ReadonlyMap<string, Principal>
  /** Null: only the database knows. */
  mark: TokensMark | null
  /** Milliseconds since 1970. */
  now: () => number
  log: Logger
}

export class Directory {
  readonly #deps: DirectoryDeps
  readonly #tokens = new Map<string, KnownToken>() // at most TOKENS_MAX, as the store refuses more
  readonly #tenants = new Map<string, Limits>() // those with limits of their own
  readonly #keepPrompts = new Set<string>() // as many as have it switched on
  #version = -1
  #refreshing: Promise<void> | null = null
  #lookedAt = -Infinity
  #looking: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => Promise<void>) | null = null
  readonly #outage: Outage
  #stopped = false
  /** Once a token was made they are needed for ever, also when all are revoked. */
  #hasTokens = false
  /** Until the tokens are read, and if they are lost: there were some. */
  readonly #hadTokens: boolean
  #isMarked: boolean

  constructor(deps: DirectoryDeps) {
    this.#deps = deps
    this.#hadTokens = deps.mark?.isSet() ?? false
    this.#isMarked = this.#hadTokens
    this.#outage = new Outage(deps.log, {
      begins: 'cannot read tokens; going on with those in memory',
      ends: 'tokens and tenants are up to date again'
    })
  }

  /** True when nobody is let in without a token. */
  get tokensNeeded(): boolean {
    return this.#deps.statics.size > 0 || this.#hasTokens || this.#hadTokens
  }

  /** True when the database has some. */
  get hasTokens(): boolean {
    return this.#hasTokens
  }

  get warning(): string | null {
    return this.#outage.warning
  }

  get size(): number {
    return this.#tokens.size
  }

  limitsOf(tenant: string): Limits {
    return this.#tenants.get(tenant) ?? NO_LIMITS
  }

  /** Whether a tenant has its prompts and answers kept for operators. */
  keepsPrompts(tenant: string): boolean {
    return this.#keepPrompts.has(tenant)
  }

  async start(): Promise<void> {
    const { store } = this.#deps
    if (store === null) return
    const onChange = () => void this.#refreshQuietly()
    this.#unlisten = await store.listen(CHANNEL, { onNotice: onChange, onReconnect: onChange })
    await this.refresh()
    if (!this.#stopped) this.#timer = setInterval(onChange, POLL_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#unlisten?.()
    await this.#refreshing?.catch(() => {}) // it was told where it was asked for
  }

  /**
   * The principal behind a token. Where none is needed a token that is not ours means nothing,
   * because clients of OpenAI's API always send some.
   */
  async authenticate(presented: Presented | undefined): Promise<Principal> {
    const text = presented?.token
    const mustHave = this.tokensNeeded || presented?.fromBeyond === true
    if (text === undefined) {
      if (mustHave) throw tokenNeeded('a token is needed')
      return ANONYMOUS
    }
    const known = (await this.#find(text)) ?? this.#static(text)
    if (known !== null) return this.#assertGood(known)
    // One in our form comes from somebody who counts on its rights and limits.
    if (mustHave || parseToken(text) !== null) throw tokenNeeded('this token is not known here')
    return ANONYMOUS
  }

  /**
   * The principal for a job that came with the token of this id, or with none: it may do what the
   * token may now.
   */
  async onBehalf(tokenId: string | undefined): Promise<Principal> {
    if (tokenId === undefined) return ANONYMOUS
    if (!this.#tokens.has(tokenId)) await this.#lookAgain()
    const statics = [...this.#deps.statics.values()]
    const known =
      this.#tokens.get(tokenId) ?? statics.find((principal) => principal.tokenId === tokenId)
    if (known !== undefined) return this.#assertGood(known)
    throw tokenNeeded('the token that the job came with is not known any more')
  }

  /** What the store has now, or later: a reading that has begun may have missed it. */
  async refresh(): Promise<void> {
    await this.#refreshing?.catch(() => {}) // whoever began it hears of it
    this.#refreshing ??= this.#load().finally(() => (this.#refreshing = null))
    await this.#refreshing
  }

  /** Where there is no store that it could be found in. */
  learnOperatorKey({ id, text }: TokenText): void {
    const principal: Principal = {
      ...ANONYMOUS,
      actor: id,
      tokenId: id,
      scopes: capabilitiesOf(['operator'])
    }
    const hash = hashToken(this.#deps.pepper, text)
    this.#tokens.set(id, { principal, hash, proven: null, revoked: false })
  }

  #static(text: string): Principal | null {
    const { statics, pepper } = this.#deps
    if (statics.size === 0) return null
    return statics.get(hashToken(pepper, text).toString('hex')) ?? null
  }

  async #find(text: string): Promise<KnownToken | null> {
    const parsed = parseToken(text)
    if (parsed === null) return null
    if (!this.#tokens.has(parsed.id)) await this.#lookAgain()
    const known = this.#tokens.get(parsed.id)
    if (known === undefined) return null
    const given = Buffer.from(text)
    if (known.proven !== null && isSame(known.proven, given)) return known
    if (!isSame(known.hash, hashToken(this.#deps.pepper, text))) return null
    known.proven = given
    return known
  }

  #assertGood(known: Principal | KnownToken): Principal {
    if (!('principal' in known)) return known
    const { principal, revoked } = known
    if (revoked) throw tokenNeeded('this token was revoked, and another one is needed')
    if (this.#deps.now() >= principal.expiresAt) {
      throw tokenNeeded('this token has expired, and another one is needed')
    }
    return principal
  }

  /** Those that come while it looks wait for the same answer. */
  #lookAgain(): Promise<void> {
    const { store, now } = this.#deps
    if (store !== null && now() - this.#lookedAt >= LOOK_AGAIN_MS) {
      this.#lookedAt = now()
      this.#looking = this.#refreshQuietly()
    }
    return this.#looking
  }

  /** While the database is away, what is known goes on being good. */
  async #refreshQuietly(): Promise<void> {
    try {
      await this.refresh()
      this.#outage.worked()
    } catch (error) {
      this.#outage.failed(error)
    }
  }

  async #load(): Promise<void> {
    const { store } = this.#deps
    if (store === null) return
    const [state] = await store.query<{ version: number }>('select version from access_state')
    const version = state?.version ?? 0
    if (version === this.#version) return
    const since = this.#version
    const tenants = await store.query<{ id: string; limits: Limits; keep_prompts: boolean }>(
      'select id, limits, keep_prompts from tenants where version > $1',
      [since]
    )
    const tokens = await store.query<TokenRow>(
      `select id, kind, tenant_id, scopes, hash, limits, expires_at, revoked_at, version
       from tokens where version > $1`,
      [since]
    )
    for (const { id, limits, keep_prompts: keeps } of tenants) {
      this.#tenants.set(id, limits)
      if (keeps) this.#keepPrompts.add(id)
      else this.#keepPrompts.delete(id)
    }
    for (const row of tokens) this.#take(row)
    this.#version = version
    if (this.#hasTokens && !this.#isMarked) this.#setMark()
  }

  /** A disk that takes no file now is tried again when something changes, or at the next start. */
  #setMark(): void {
    const { mark, log } = this.#deps
    try {
      mark?.set()
      this.#isMarked = true
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'cannot note on disk that there are tokens')
    }
  }

  /** Those that are refused anyway, and then are not known instead of revoked. */
  #forgetUseless(): void {
    const now = this.#deps.now()
    for (const [id, { revoked, principal }] of this.#tokens) {
      if (revoked || principal.expiresAt <= now) this.#tokens.delete(id)
    }
  }

  #take(row: TokenRow): void {
    if (row.kind !== OPERATOR_KEY) this.#hasTokens = true
    const principal: Principal = {
      actor: row.id,
      tokenId: row.id,
      tenant: row.tenant_id,
      otherTenants: new Set(tenantsOf(row.scopes)),
      scopes: capabilitiesOf(row.scopes),
      ...onlyOf(row.scopes),
      limits: row.limits,
      expiresAt: row.expires_at?.getTime() ?? Infinity
    }
    const revoked = row.revoked_at !== null
    const hash = Buffer.from(row.hash, 'hex')
    this.#tokens.set(row.id, { principal, hash, proven: null, revoked })
    if (this.#tokens.size > TOKENS_MAX) this.#forgetUseless()
  }
}
