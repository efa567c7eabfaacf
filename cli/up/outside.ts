/**
 * Says when a mesh that is meant for the internet cannot be found there, why, and when it can.
 * Meanwhile this machine is served, and machines that are connected already stay so.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { diagnose } from '#shared/mesh/diagnosis/diagnose.ts'
import { probeNetwork } from '#shared/mesh/diagnosis/probe-network.ts'
import type { MeshAddress } from '#shared/mesh/discovery/mesh-address.ts'
import type { Service } from '#shared/process/lifecycle.ts'

/** While the internet is away; once it is there, the connections themselves show what happens. */
const AGAIN_MS = 5000

export function outside(
  { reach, bootstrap }: MeshAddress,
  say: (line: string) => void,
  probe = probeNetwork
): Service {
  const stopped = new AbortController()
  const watch = async () => {
    let said: string | null = null
    for (;;) {
      const network = await probe({ reach, bootstrap })
      if (stopped.signal.aborted || network.dhtMs !== null) break
      const contact = { found: 0, failures: [], relays: 0, clockAheadMs: null }
      const diagnosis = diagnose({ reach, bootstrap, role: 'mesh', network, contact })
      if (diagnosis !== null && diagnosis.reason !== said) {
        said = diagnosis.reason
        say(
          `not on the internet yet: ${diagnosis.sentence}. This machine is served; still trying …`
        )
      }
      await sleep(AGAIN_MS, undefined, { signal: stopped.signal })
    }
    if (said !== null) say('on the internet now: other machines can join')
  }
  return {
    async start() {
      if (reach !== 'public') return
      watch().catch(() => {}) // it was stopped
    },
    async stop() {
      stopped.abort()
    }
  }
}
