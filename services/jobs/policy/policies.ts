/**
 * The policy in force and the versions before it. A new one holds from the moment that it is
 * stored, in every jobs service. Without a policy that can be read nothing is allowed: what a
 * person has forbidden must not happen because a database was away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PolicyDocument, PolicyVersion, SetPolicy } from '#shared/contracts/jobs/policy.ts'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { hasSqlState, SqlState, type Store } from '#shared/store/store.ts'
import { readPolicy } from './read-policy.ts'

const CHANNEL = 'haif_policy'
const RETRY_MS = 1000
/** Of those that were in force; the oldest go. */
const VERSIONS_MAX = 1000
/** Who set a version that came from the file of this machine. */
const FILE = 'HAIF_POLICY_FILE'

interface PolicyRow {
  version: number
  yaml: string
  set_by: string
  set_at: Date
}

interface PoliciesDeps {
  store: Store
  /** YAML that a person gave this process; it becomes a version when it is new. */
  file?: string
  /** Called when another policy is in force. */
  onChange?: (policy: PolicyVersion) => void
  log: Logger
}

const NONE: PolicyVersion = { version: 0, yaml: '', document: {} }

export class Policies implements Service {
  readonly #deps: PoliciesDeps
  readonly #stopped = new AbortController()
  #current: PolicyVersion | null = null
  #unreadable: HaifError | null = null
  /** Why the latest try to read it has failed. */
  #failure: string | null = null
  #unlisten: (() => Promise<void>) | null = null
  #opening: Promise<void> = Promise.resolve()
  readonly #firstTry = Promise.withResolvers<void>()

  constructor(deps: PoliciesDeps) {
    this.#deps = deps
  }

  /** Does not wait for a database that is away: until it is there, `current` throws. */
  async start(): Promise<void> {
    this.#opening = this.#open()
    await Promise.race([this.#opening, sleep(RETRY_MS, undefined, { ref: false })])
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#firstTry.resolve()
    await this.#opening
    await this.#unlisten?.()
  }

  /** Resolves when `current` has an answer, if only why there is none: just after a start. */
  known(): Promise<void> {
    return this.#firstTry.promise
  }

  get current(): PolicyVersion {
    if (this.#unreadable !== null) throw this.#unreadable
    if (this.#current !== null) return this.#current
    const why =
      this.#failure === null
        ? 'the policy is still being read; try again in a moment'
        : `the policy cannot be read (${this.#failure}); it is tried again each second`
    throw new HaifError('STORE_UNAVAILABLE', why, { retryAfterMs: RETRY_MS })
  }

  get document(): PolicyDocument {
    return this.current.document
  }

  /** Throws VALIDATION_FAILED, or CONFLICT where another version has come in between. */
  async set({ yaml, ifVersion, dryRun = false }: SetPolicy, by: string): Promise<PolicyVersion> {
    const document = readPolicy(yaml)
    const version = await this.#newest()
    if (ifVersion !== undefined && ifVersion !== version) throw overtaken(version)
    if (dryRun) return { version, yaml, document }
    const row = await this.#insert(version + 1, yaml, by)
    this.#take(row)
    return versionOf(row)
  }

  async get(version: number | undefined): Promise<PolicyVersion> {
    if (version === undefined) return this.current
    const [row] = await this.#deps.store.query<PolicyRow>(
      'select version, yaml, set_by, set_at from policies where version = $1',
      [version]
    )
    if (row === undefined) throw new HaifError('NOT_FOUND', `there is no policy ${version}`)
    return versionOf(row)
  }

  async #open(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        this.#unlisten ??= await this.#deps.store.listen(CHANNEL, {
          onNotice: () => void this.#refresh(),
          onReconnect: () => void this.#refresh()
        })
        await this.#takeFile()
        await this.#load()
        this.#firstTry.resolve()
        return
      } catch (error) {
        this.#failure = reasonOf(error)
        this.#deps.log.warn({ reason: this.#failure }, 'the policy cannot be read yet')
        this.#firstTry.resolve()
        await sleep(RETRY_MS, undefined, { signal: this.#stopped.signal }).catch(() => {})
      }
    }
  }

  /** A file that was changed by hand is a new version; what was set since then is not undone. */
  async #takeFile(): Promise<void> {
    const { file, store } = this.#deps
    if (file === undefined) return
    const [last] = await store.query<PolicyRow>(
      'select yaml from policies where set_by = $1 order by version desc limit 1',
      [FILE]
    )
    if (last?.yaml === file) return
    try {
      await this.#insert((await this.#newest()) + 1, file, FILE)
    } catch (error) {
      // Another service of this mesh has the same file and was first.
      if (!(error instanceof HaifError && error.code === 'CONFLICT')) throw error
    }
  }

  async #refresh(): Promise<void> {
    try {
      await this.#load()
    } catch (error) {
      this.#deps.log.warn({ reason: reasonOf(error) }, 'a new policy could not be read')
    }
  }

  async #load(): Promise<void> {
    const [row] = await this.#deps.store.query<PolicyRow>(
      'select version, yaml, set_by, set_at from policies order by version desc limit 1'
    )
    if (row === undefined) this.#current ??= NONE
    else this.#take(row)
  }

  #take(row: PolicyRow): void {
    if (row.version <= (this.#current?.version ?? -1)) return
    try {
      this.#current = versionOf(row)
      this.#unreadable = null
    } catch (error) {
      const message = `policy ${row.version} was set by a newer HAIF, and this one cannot read it`
      this.#unreadable = new HaifError('SCHEMA_MISMATCH', message, { cause: error })
      this.#deps.log.error({ version: row.version, reason: reasonOf(error) }, message)
      return
    }
    this.#deps.onChange?.(this.#current)
  }

  async #newest(): Promise<number> {
    const [row] = await this.#deps.store.query<{ version: number }>(
      'select coalesce(max(version), 0) as version from policies'
    )
    return row!.version
  }

  async #insert(version: number, yaml: string, by: string): Promise<PolicyRow> {
    const { store } = this.#deps
    try {
      return await store.transaction(async (tx) => {
        const [row] = await tx.query<PolicyRow>(
          `insert into policies (version, yaml, set_by) values ($1, $2, $3)
           returning version, yaml, set_by, set_at`,
          [version, yaml, by]
        )
        await tx.query('delete from policies where version <= $1', [version - VERSIONS_MAX])
        await tx.query('select pg_notify($1, $2)', [CHANNEL, String(version)])
        return row!
      })
    } catch (error) {
      if (hasSqlState(error, SqlState.uniqueViolation)) throw overtaken(version)
      throw error
    }
  }
}

const overtaken = (version: number): HaifError =>
  new HaifError('CONFLICT', `the policy has changed: version ${version} is in force now`)

function versionOf({ version, yaml, set_by: setBy, set_at: setAt }: PolicyRow): PolicyVersion {
  return { version, yaml, document: readPolicy(yaml), setBy, setAt: setAt.getTime() }
}
