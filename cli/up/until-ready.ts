/**
 * The last step of a start: waits until the mesh would answer a request, and says so if it takes
 * long.
 */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
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
        const { isReady, reason } = await readiness(url(), stopped.signal)
        if (isReady) return
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

/** Asked without `fetch`, which takes longer to load than this takes in all. */
async function readiness(url: string, signal: AbortSignal) {
  const request = get(`${url}/readyz`, { signal, agent: false })
  const [reply] = (await once(request, 'response')) as [IncomingMessage]
  const { reason } = JSON.parse(await text(reply)) as { reason?: string }
  return { isReady: reply.statusCode === 200, reason }
}
