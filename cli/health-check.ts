/**
 * Asks the service that runs beside it whether it can do its work: `node cli/health-check.ts`, and
 * `haif service <name> --check`. Ends with 0 when it can, else with 1 and the reason. A container is
 * checked often, so this loads nothing but Node.
 */
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const ANSWER_MS_MAX = 4000
const METRICS_PORT = '9464' // as in shared/telemetry/endpoint.ts

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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = await checkHealth(process.env)
  process.stdout.write(`${problem ?? 'ready'}\n`)
  process.exitCode = problem === null ? 0 : 1
}
