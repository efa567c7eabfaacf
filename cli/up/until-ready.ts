/**
 * The last step of a start: waits until the mesh would answer a request, and says so if it takes
 * long.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Service } from '#shared/process/lifecycle.ts'

const POLL_MS = 50
const PATIENCE_MS = 10_000

/** `url`: of the bridge, asked when it has started. */
export function untilReady(url: () => string): Service {
  const stopped = new AbortController()
  return {
    async start() {
      let patient = performance.now() + PATIENCE_MS
      for (;;) {
        const reply = await fetch(`${url()}/readyz`, { signal: stopped.signal })
        if (reply.ok) return
        const { reason } = (await reply.json()) as { reason?: string }
        if (performance.now() > patient) {
          process.stdout.write(`not ready yet: ${reason ?? 'unknown'}\n`)
          patient = Infinity
        }
        await sleep(POLL_MS, undefined, { signal: stopped.signal })
      }
    },
    async stop() {
      stopped.abort()
    }
  }
}
