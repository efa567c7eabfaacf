/** The frame of every `main.ts`: telemetry first, then the service, until a signal ends it. */
import process from 'node:process'
import type { Environment } from '#shared/process/config.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { startTelemetry } from '#shared/telemetry/start.ts'
import { reportFailure } from './report-failure.ts'
import { runUntilSignal } from './until-signal.ts'

interface Made {
  service: Service
  log: Logger
}

/**
 * `name`: the service's name in traces. `make` is called when instruments can be made: those made
 * earlier measure nothing.
 */
export async function runMain(
  env: Environment,
  name: string,
  make: (env: Environment, metrics: Metrics) => Made | Promise<Made>
): Promise<void> {
  try {
    const telemetry = await startTelemetry(env, name)
    const { service, log } = await make(env, telemetry.metrics)
    await runUntilSignal(telemetry.serving(service, log), log)
  } catch (error) {
    reportFailure(error)
    process.exit(1)
  }
}
