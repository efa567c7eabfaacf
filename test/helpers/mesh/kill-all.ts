/** Ends random processes of a deployment with kill -9, and starts each again, until it is over. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random.ts'
import type { Deployment } from './deployment.ts'
import type { ServiceProcess } from './service-process.ts'

export interface Killable {
  name: string
  env: Record<string, string>
  process: ServiceProcess
}

const START_MS_MAX = 20_000

/** Returns how many of each were killed, as JSON. */
export async function killAll(
  deployment: Deployment,
  killable: Killable[],
  random: Random,
  signal: AbortSignal
): Promise<string> {
  const kills = new Map<string, number>()
  while (!signal.aborted) {
    await sleep(random.between(500, 2500))
    const each = random.pick(killable)
    // One that is still starting has nothing that it could lose.
    await Promise.race([each.process.up.catch(() => {}), sleep(START_MS_MAX)])
    await each.process.end()
    kills.set(each.name, (kills.get(each.name) ?? 0) + 1)
    each.process = deployment.addService(each.name, each.env)
  }
  return JSON.stringify(Object.fromEntries(kills))
}
