/**
 * Installs OpenTelemetry's SDK in this process and serves what is measured. Called once, by what
 * composes the process, before any service is made: instruments made earlier measure nothing.
 * OTEL_SDK_DISABLED=true: nothing is measured, and /healthz and /readyz still answer.
 */
import { readString, type Environment } from '#shared/process/config.ts'
import type { Health, Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { watchDependencies } from './dependencies.ts'
import { metricsEndpoint, readEndpoint } from './endpoint.ts'

interface Telemetry {
  metrics: Metrics
  /** The service with its endpoint; what is measured can be read until the service has stopped. */
  serving(service: Service, log: Logger): Service
}

export async function startTelemetry(env: Environment, name: string): Promise<Telemetry> {
  const off = readString(env, 'OTEL_SDK_DISABLED', 'false') === 'true'
  const metrics = createMetrics({ forProcess: !off })
  const collector = off ? null : collectorOf(env)
  // Loaded only where it is wanted: it is a tenth of the start of a process.
  const tracing =
    collector === null ? null : (await import('./tracing.ts')).startTracing(env, `haif-${name}`)
  const settings = readEndpoint(env)
  const dependencies = watchDependencies(env)
  return {
    metrics,
    serving(service, log) {
      tracing?.logTo(log)
      let state: 'starting' | 'up' | 'stopping' = 'starting'
      const health = (): Health =>
        state === 'up' ? (service.health?.() ?? { ready: true }) : { ready: false, reason: state }
      const endpoint = metricsEndpoint({ ...settings, render: () => metrics.render(), health, log })
      return {
        get stopMsMax() {
          return service.stopMsMax ?? 0
        },
        async start() {
          await endpoint.start()
          await dependencies.start()
          await service.start()
          state = 'up'
        },
        async stop() {
          state = 'stopping'
          await service.stop()
          await Promise.all([dependencies.stop(), tracing?.stop(), endpoint.stop()])
        }
      }
    }
  }
}

/** Where spans are sent; null: no span is ever made. */
const collectorOf = (env: Environment): string | null =>
  readString(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', '') ||
  readString(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', '') ||
  null
