/**
 * A service in a process of its own, kept running: one that dies is started again, and one that was
 * told to leave, as by `haif drain`, is not.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Environment } from '#shared/process/config.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { backoffMs } from '#shared/kit/backoff.ts'

const MAIN = fileURLToPath(new URL('../main.mjs', import.meta.url))
const RESTART_BACKOFF = { firstMs: 250, maxMs: 10_000 }
/** A process that ran this long was healthy: its next death is the first again. */
const HEALTHY_MS = 30_000
const STOP_MS_MAX = 3500
/** For the end of a process that had to be killed. */
const KILL_MS_MAX = 500

interface ChildServiceOptions {
  /** The name of the service, as `haif service` takes it. */
  name: string
  /** Asked at each start. */
  env: () => Environment
  log: Logger
  /** How long it may take to stop before it is killed. */
  stopMsMax?: number
}

export function childService(options: ChildServiceOptions): Service {
  const { name, env, log, stopMsMax = STOP_MS_MAX } = options
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | undefined
  let stopping = false
  let deaths = 0

  function start(): void {
    const startedAt = performance.now()
    // A process group of its own, so that Ctrl-C reaches only this process; and a channel, by
    // which the child notices when this process is gone.
    const started = spawn(process.execPath, [MAIN, 'service', name], {
      env: env(),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true
    })
    child = started
    const onDeath = (facts: object) => {
      child = null
      if (stopping) return
      deaths = performance.now() - startedAt > HEALTHY_MS ? 1 : deaths + 1
      const delayMs = backoffMs(RESTART_BACKOFF, deaths, Math.random())
      log.warn({ service: name, ...facts, delayMs }, 'service died, starting it again')
      timer = setTimeout(start, delayMs)
    }
    started.once('exit', (code, signal) => {
      if (code !== 0) return onDeath({ code, signal })
      child = null
      if (!stopping) log.info({ service: name }, 'service has left')
    })
    started.on('error', (error) => {
      if (started.pid === undefined) onDeath({ err: error }) // else its exit tells
    })
  }

  return {
    stopMsMax: stopMsMax + KILL_MS_MAX,
    async start() {
      start()
    },
    async stop() {
      stopping = true
      clearTimeout(timer)
      if (child === null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const kill = setTimeout(() => child?.kill('SIGKILL'), stopMsMax)
      await gone
      clearTimeout(kill)
    }
  }
}

/** Several services that start and stop at the same time. */
export function atOnce(services: Service[]): Service {
  return {
    stopMsMax: Math.max(0, ...services.map((service) => service.stopMsMax ?? 0)),
    async start() {
      await Promise.all(services.map((service) => service.start()))
    },
    async stop() {
      await Promise.all(services.map((service) => service.stop()))
    }
  }
}
