/** What a worker says of its environments, and what operators may have done with them. */
import type { EnvironmentAct, OwnEnvironments } from '#shared/contracts/functions/environments.ts'
import { HaifError } from '#shared/errors.ts'
import { within } from '#shared/kit/within.ts'
import type { Logger } from '#shared/process/log.ts'
import type { EnvironmentDesk } from '../task-kind.ts'
import type { Environments } from './environments.ts'
import type { Runtime } from './runtimes.ts'

const SHOWN_MAX = 256
const DAY_MS = 86_400_000
const SAID_MS_MAX = 3000

export class OwnEnvironmentDesk implements EnvironmentDesk {
  readonly #environments: Environments
  readonly #runtimes: readonly Runtime[]
  /** Read once after each change: an offer is made for every task. */
  #built: string[] | null = null
  readonly #listeners: (() => void)[] = [] // one for each worker of the process
  readonly #timer: NodeJS.Timeout
  readonly #log: Logger

  constructor(environments: Environments, runtimes: readonly Runtime[], log: Logger) {
    this.#log = log
    this.#environments = environments
    this.#runtimes = runtimes
    environments.onChange = () => {
      this.#built = null
      for (const changed of this.#listeners) changed()
    }
    const failed = (err: unknown) => log.warn({ err }, 'old environments are not removed')
    const prune = () => void environments.prune().catch(failed)
    this.#timer = setInterval(prune, DAY_MS).unref()
    setImmediate(prune)
  }

  view(): OwnEnvironments {
    const runtimes = this.#runtimes.map(({ name, version, path }) => ({ name, version, path }))
    return { environments: this.#environments.list().slice(0, SHOWN_MAX), runtimes }
  }

  async obey({ action, key }: EnvironmentAct): Promise<void> {
    if (action === 'rebuild') return this.#rebuild(key)
    if (await this.#environments.remove(key)) return
    throw new HaifError('NOT_FOUND', `there is no environment ${key} on this machine`)
  }

  /** It may take minutes, and who has ordered it does not wait: what fails at once is said. */
  async #rebuild(key: string): Promise<void> {
    const building = this.#environments.rebuild(key, this.#runtimes)
    building.catch((err: unknown) => this.#log.warn({ err, key }, 'an environment is not rebuilt'))
    await within(SAID_MS_MAX, building)
  }

  built(): string[] {
    this.#built ??= this.#environments
      .list()
      .map(({ packages }) => packages)
      .filter((each) => each !== undefined)
    return this.#built
  }

  onChange(changed: () => void): void {
    this.#listeners.push(changed)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
