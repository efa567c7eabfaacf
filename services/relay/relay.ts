/** Forwards for members that cannot reach each other, from a machine that everybody can reach. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TlsPlace } from '#shared/mesh/connection/tls/tls-entrance.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { Router } from '#shared/rpc/router.ts'

/** For the question whether others get through. */
const FIRST_LOOK_MS = 5000
const POLL_MS = 100
const LOOK_MS = 5000

interface RelayDeps {
  join: JoinMesh
  /** Null: not over TLS. */
  tls: TlsPlace | null
  /** Told at the start and on change. Until others get in, it offers itself to nobody. */
  onReachable: (isReachable: boolean) => void
  log: Logger
}

export function createRelay({ join, tls, onReachable, log }: RelayDeps): Service {
  const mesh = join(new Router(), { relays: true, ...(tls === null ? {} : { tls }) })
  observeMesh(mesh, [])
  let timer: NodeJS.Timeout | undefined
  let told: boolean | null = null
  const tell = () => {
    if (mesh.isRelaying === told) return
    told = mesh.isRelaying
    onReachable(told)
  }
  return {
    async start() {
      await mesh.start()
      const patient = performance.now() + FIRST_LOOK_MS
      while (!mesh.isRelaying && performance.now() < patient) await sleep(POLL_MS)
      tell()
      timer = setInterval(tell, LOOK_MS)
      log.info({ peer: mesh.key }, 'relay is up')
    },
    async stop() {
      clearInterval(timer)
      await mesh.stop()
    },
    health: () =>
      mesh.isRelaying ? { ready: true } : { ready: false, reason: 'no one gets in from outside' }
  }
}
