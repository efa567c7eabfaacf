/** Everything that starts can stop. */

export interface Service {
  /** Resolves when it can be used; rejects with a HaifError that says why not. */
  start(): Promise<void>
  /** Ends what runs within seconds, and resolves when nothing is left. */
  stop(): Promise<void>
  /** How long `stop` may take, where it lets finish what runs. */
  readonly stopMsMax?: number
  /** Says whether the service can do its work now, once it has started, and what is missing. */
  health?(): Health
}

export interface Health {
  ready: boolean
  /** The missing thing, in a few words. */
  reason?: string
  /** What does not work although the service does its work, each in a sentence with its remedy. */
  warnings?: readonly string[]
}

/** Services stop in the reverse order of their starts, unless this says otherwise. */
interface StopOrder {
  /** Services of the list that stop before all others. */
  first?: readonly Service[]
  /** They run before the list starts, and stop when all of it has stopped. */
  last?: readonly Pick<Service, 'stop'>[]
}

/**
 * Several services as one: started in order; a failed start stops those that have started. Null
 * stands for a service that this process does not need.
 */
export function together(
  list: readonly (Service | null)[],
  { first = [], last = [] }: StopOrder = {}
): Service {
  const services = list.filter((service) => service !== null)
  const started = new Set<Service>()
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    const running = [...started].toReversed()
    const others = running.filter((service) => !first.includes(service))
    const failures: unknown[] = []
    for (const service of [...running.filter((each) => first.includes(each)), ...others, ...last]) {
      // A service that does not stop in good order must not keep the others up.
      await service.stop().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }
  return {
    // They stop one after the other, so each needs its time after the others have had theirs.
    stopMsMax: services.reduce((sum, { stopMsMax = 0 }) => sum + stopMsMax, 0),
    health: () => healthOf(services),
    async start() {
      try {
        for (const service of services) {
          if (stopped) return
          started.add(service)
          await service.start()
        }
      } catch (error) {
        await stop().catch(() => {}) // a consequence; the cause is that it did not start
        throw error
      }
    },
    stop
  }
}

/** Ready when all of them are, with the warnings of each. */
function healthOf(services: readonly Service[]): Health {
  const all = services.map((each) => each.health?.() ?? { ready: true })
  const missing = all.find(({ ready }) => !ready) ?? { ready: true }
  const warnings = [...new Set(all.flatMap((health) => health.warnings ?? []))]
  return warnings.length === 0 ? missing : { ...missing, warnings }
}
