/** `haif service <name> --check`: asks the service that runs here whether it can do its work. */

const ANSWER_MS_MAX = 4000
const METRICS_PORT = '9464' // as in shared/telemetry/endpoint.ts

/** Null when it can, else what is missing. */
export async function checkHealth(env: Record<string, string | undefined>): Promise<string | null> {
  const port = env['METRICS_PORT'] || METRICS_PORT
  const address = `http://127.0.0.1:${port}/readyz`
  try {
    const reply = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    if (reply.ok) return null
    const { reason = 'not ready' } = (await reply.json()) as { reason?: string }
    return reason
  } catch (error) {
    return `${address} does not answer: ${error instanceof Error ? error.message : String(error)}`
  }
}
