/** Runs a service for as long as nobody asks its process to end. */
import process from 'node:process'
import { watchClock } from '#shared/process/clock-watch.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { reportFailure } from './report-failure.ts'

const PARENT_POLL_MS = 500

/** A process is ended so long after its service should have stopped: busy machines are late. */
const STOP_LATE_MS_MAX = 4500

/**
 * Runs a service until SIGINT or SIGTERM, then stops it and ends the process with `exitCode`, 0
 * unless set. A second signal ends the process at once. Rejects when the service does not start.
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
  process.once('disconnect', () => onSignal('SIGTERM')) // the process that started this one is gone
  watchNpm(() => onSignal('SIGTERM'))
  watchClock(log)
  const started = service.start()
  const early = await Promise.race([started, signalled])
  if (early === undefined) onStarted?.()
  else started.catch(() => {}) // it was stopped while it started
  const signal = await signalled
  log.info({ signal }, 'stopping')
  const stopMsMax = (service.stopMsMax ?? 0) + STOP_LATE_MS_MAX
  setTimeout(() => {
    log.error({ stopMsMax }, 'the stop takes too long: what still runs is cut off')
    process.exit(1)
  }, stopMsMax).unref()
  await service.stop()
  process.exit()
}

/** A killed npm passes no signal on, so this process watches whether its parent is still there. */
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
 * Stops this process in good order, as `kill` would. The signal is emitted here and not sent:
 * Windows has no signals and would end the process at once.
 */
export function stopThisProcess(): void {
  process.emit('SIGTERM', 'SIGTERM')
}

/** The same after a failure that no waiting mends: says it, and ends with exit code 1. */
export function failThisProcess(error: unknown): void {
  reportFailure(error)
  process.exitCode = 1
  stopThisProcess()
}
