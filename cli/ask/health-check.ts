/** `haif service <name> --check`: asks the service that runs here whether it can do its work. */
import type { Environment } from '#shared/process/config.ts'
import { readEndpoint } from '#shared/telemetry/endpoint.ts'

const ANSWER_MS_MAX = 4000
/** Every address of this machine, its own one among them. */
const ANY_ADDRESS = new Set(['0.0.0.0', '::'])

/** Null when it can, else what is missing. */
export async function checkHealth(env: Environment): Promise<string | null> {
  const { host, port } = readEndpoint(env)
  const at = ANY_ADDRESS.has(host) ? '127.0.0.1' : host
  const address = `http://${at.includes(':') ? `[${at}]` : at}:${port}/readyz`
  try {
    const reply = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    if (reply.ok) return null
    const { reason = 'not ready' } = (await reply.json()) as { reason?: string }
    return reason
  } catch (error) {
    return `${address} does not answer: ${error instanceof Error ? error.message : String(error)}`
  }
}
