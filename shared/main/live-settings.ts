/**
 * Settings that operators change while the mesh runs, as this process knows them. A change is told
 * to all that listen; as a notice may be lost, each also looks now and then. While the database is
 * away, what is known stays good.
 */
import { LiveSettingValues, type LiveSettingName } from '#shared/contracts/http/admin/settings.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { Compile } from '#shared/validator.ts'
import type { Store } from '#shared/store/store.ts'

export const SETTINGS_CHANNEL = 'haif_settings'
const LOOK_MS = 30_000

const valuesOf = Compile(LiveSettingValues)

interface LiveSettingsDeps {
  /** Null: nothing is kept, and everything is as the environment says. */
  store: Store | null
  log: Logger
}

export class LiveSettings implements Service {
  readonly #deps: LiveSettingsDeps
  readonly #listeners = new Set<() => void>() // one for each part of the process that follows them
  #values: LiveSettingValues = {}
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => Promise<void>) | null = null
  #isStopped = false

  constructor(deps: LiveSettingsDeps) {
    this.#deps = deps
  }

  /** Undefined: as the environment says. */
  get<Name extends LiveSettingName>(name: Name): LiveSettingValues[Name] {
    return this.#values[name]
  }

  /** Called after each change, and at once. */
  follow(listener: () => void): void {
    this.#listeners.add(listener)
    listener()
  }

  /** Does not wait for a database that is still being opened: the first requests do. */
  async start(): Promise<void> {
    const { store } = this.#deps
    if (store === null) return
    void this.#listen(store)
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#unlisten?.()
  }

  /** What the store has now. Rejects where it cannot say it. */
  async refresh(): Promise<void> {
    const { store } = this.#deps
    if (store === null) return
    const rows = await store.query<{ name: string; value: unknown }>(
      'select name, value from settings'
    )
    const read = Object.fromEntries(rows.map(({ name, value }) => [name, value]))
    this.#values = fitting(read)
    for (const listener of this.#listeners) listener()
  }

  async #listen(store: Store): Promise<void> {
    const onChange = () => void this.#look()
    try {
      const unlisten = await store.listen(SETTINGS_CHANNEL, {
        onNotice: onChange,
        onReconnect: onChange
      })
      if (this.#isStopped) return await unlisten()
      this.#unlisten = unlisten
    } catch (error) {
      this.#deps.log.info({ err: error }, 'changed settings are looked for now and then alone')
    }
    await this.#look()
  }

  async #look(): Promise<void> {
    if (this.#isStopped) return
    try {
      await this.refresh()
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'cannot read the settings; those in memory stay')
    }
  }
}

/** Without a level that operators have set, the one with which the process has started. */
export function followLogLevel(settings: LiveSettings, log: Logger): void {
  const own = log.level
  settings.follow(() => {
    log.level = settings.get('logLevel') ?? own
  })
}

/** A newer HAIF may have kept what this one does not know or would not take. */
function fitting(read: Record<string, unknown>): LiveSettingValues {
  const entries = Object.entries(read).filter(([name, value]) => {
    const isKnown = Object.hasOwn(LiveSettingValues.properties, name)
    return isKnown && valuesOf.Check({ [name]: value })
  })
  return Object.fromEntries(entries)
}
