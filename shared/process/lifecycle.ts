/** Everything that starts can stop. */
import process from 'node:process'
import { inspect } from 'node:util'
import type { Environment } from './config.ts'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from './log.ts'
import type { Health } from '#shared/telemetry/endpoint.ts'
import { startTelemetry } from '#shared/telemetry/start.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'

export interface Service {
  /** Resolves when it can be used; rejects with a HaifError that says why not. */
  start(): Promise<void>
  /** Ends what runs within seconds, and resolves when nothing is left. */
  stop(): Promise<void>
  /** How long `stop` may take, where what runs is given longer than usual. */
  readonly stopMsMax?: number
  /** Whether it can do its work now, once it has started; and what is missing. */
  health?(): Health
}

const PARENT_POLL_MS = 500

/** A process that has not stopped by then is ended, unless its service takes longer. */
const STOP_MS_MAX = 4500

/** Several services as one: started in order, stopped in reverse; a failed start stops the others. */
export function together(services: Service[]): Service {
  const started: Service[] = []
  let stopped = false
  const stop = async () => {
    stopped = true
    const failures: unknown[] = []
    for (const service of started.splice(0).toReversed()) {
      // One that does not stop in good order must not keep the others up.
      await service.stop().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }
  return {
    stopMsMax: Math.max(0, ...services.map(({ stopMsMax = 0 }) => stopMsMax)),
    health: () =>
      services.map((each) => each.health?.()).find((health) => health?.ready === false) ?? {
        ready: true
      },
    async start() {
      try {
        for (const service of services) {
          if (stopped) return
          started.push(service)
          await service.start()
        }
      } catch (error) {
        await stop().catch(() => {}) // a consequence; the cause is that it did not start
        throw error
      }
    },
    stop
  }
}

/**
 * Runs a service until SIGINT or SIGTERM, then stops it and ends the process. A second signal ends
 * the process at once. Rejects when the service does not start.
 */
export async function runUntilSignal(
  service: Service,
  log: Logger,
  onStarted?: () => void
): Promise<void> {
  const { promise: signalled, resolve } = Promise.withResolvers<NodeJS.Signals>()
  const onSignal = (signal: NodeJS.Signals) => {
    resolve(signal)
    process.once('SIGINT', () => process.exit(130))
    process.once('SIGTERM', () => process.exit(143))
  }
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  process.once('disconnect', () => onSignal('SIGTERM')) // whoever started this process is gone
  watchNpm(() => onSignal('SIGTERM'))
  const started = service.start()
  const early = await Promise.race([started, signalled])
  if (early === undefined) onStarted?.()
  else started.catch(() => {}) // it was told to stop while it started
  const signal = await signalled
  log.info({ signal }, 'stopping')
  setTimeout(() => process.exit(1), Math.max(STOP_MS_MAX, service.stopMsMax ?? 0)).unref()
  await service.stop()
  process.exit(0)
}

/** npm passes no signal on when it is killed, so what it has started notices by itself. */
function watchNpm(onGone: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const { ppid } = process
  const timer = setInterval(() => {
    if (process.ppid === ppid) return
    clearInterval(timer)
    onGone()
  }, PARENT_POLL_MS)
  timer.unref()
}

/**
 * As `kill` would: what runs here is stopped in good order. The signal is not sent but only told,
 * because Windows knows none and would end the process at once.
 */
export function stopThisProcess(): void {
  process.emit('SIGTERM', 'SIGTERM')
}

/**
 * What every `main.ts` does: makes the service from the environment, measures it, and runs it until a
 * signal. `name`: of the service, as traces show it.
 */
export async function runMain(
  env: Environment,
  name: string,
  make: (env: Environment, metrics: Metrics) => { service: Service; log: Logger }
): Promise<void> {
  try {
    const telemetry = startTelemetry(env, name)
    const { service, log } = make(env, telemetry.metrics)
    await runUntilSignal(telemetry.serving(service, log), log)
  } catch (error) {
    reportFailure(error)
    process.exit(1)
  }
}

/** An expected failure is one sentence; anything else is our bug and shows where it happened. */
export function reportFailure(error: unknown): void {
  const text =
    error instanceof HaifError
      ? `${error.message} (${error.code})`
      : `unexpected failure, please report it: ${inspect(error)}`
  process.stderr.write(`haif: ${text}\n`)
}
