/**
 * The small HTTP server beside each service, for those who watch it:
 *
 *   GET /metrics   what it has measured, for Prometheus
 *   GET /healthz   200 while the process runs
 *   GET /readyz    200 when the service can do its work, else 503 with the reason
 *
 * It listens on this machine alone unless METRICS_HOST says otherwise. Where METRICS_PORT is not
 * set and 9464 is taken, as by a second service, it takes any free port.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { readInteger, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { isOwnHost, nameIn } from '#shared/kit/host-name.ts'
import type { Health, Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'

export const METRICS_PORT = 9464

interface EndpointOptions {
  host: string
  port: number
  /** True: another port will do when this one is taken. */
  mayMove: boolean
  render: () => Promise<string>
  health: () => Health
  log: Logger
}

type EndpointSettings = Pick<EndpointOptions, 'host' | 'port' | 'mayMove'>

/** `METRICS_HOST`, `METRICS_PORT` (0: any free one). */
export function readEndpoint(env: Environment): EndpointSettings {
  const mayMove = readString(env, 'METRICS_PORT', '') === ''
  const port = readInteger(env, 'METRICS_PORT', { default: METRICS_PORT, min: 0, max: 65_535 })
  return { host: readString(env, 'METRICS_HOST', '127.0.0.1'), port, mayMove }
}

export function metricsEndpoint(options: EndpointOptions): Service {
  const { host, port, mayMove, render, health, log } = options
  const names = { allowed: new Set([nameIn(hostname())]), inNetwork: !host.startsWith('127.') }
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?', 1)
    if (!isOwnHost(request.headers.host ?? '', names))
      send(response, 403, 'not a name of this host')
    else if (path === '/healthz') send(response, 200, 'ok')
    else if (path === '/readyz') sendHealth(response, health())
    else if (path === '/metrics') void sendMetrics(response, render, log)
    else send(response, 404, 'see /metrics, /healthz, /readyz')
  })
  return {
    async start() {
      try {
        await listen(port)
      } catch (error) {
        const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!taken || !mayMove) throw unusable(host, port, error)
        await listen(0)
      }
      server.unref() // the service decides when the process ends
      log.debug({ port: (server.address() as AddressInfo).port }, 'metrics are served')
    },
    async stop() {
      server.closeAllConnections()
      server.close()
    }
  }

  function listen(at: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(at, host, () => {
      server.off('error', reject)
      resolve()
    })
    return promise
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

function sendHealth(response: ServerResponse, { ready, reason, warnings }: Health): void {
  const body = ready ? { status: 'ready', warnings } : { status: 'not_ready', reason, warnings }
  response
    .writeHead(ready ? 200 : 503, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(body))
}

async function sendMetrics(
  response: ServerResponse,
  render: () => Promise<string>,
  log: Logger
): Promise<void> {
  try {
    const text = await render()
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(text)
  } catch (error) {
    log.warn({ err: error }, 'the metrics cannot be told')
    send(response, 500, 'the metrics cannot be told; the log says why')
  }
}

function unusable(host: string, port: number, cause: unknown): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `metrics cannot be served on ${host}:${port} (${(cause as NodeJS.ErrnoException).code}): set METRICS_HOST and METRICS_PORT to an address of this machine that is free`,
    { cause }
  )
}
