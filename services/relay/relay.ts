/** Forwards for members that cannot reach each other, from a machine that everybody can reach. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import type { TlsPlace } from '#shared/mesh/connection/tls/tls-entrance.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
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
  /** The relay's report about itself. */
  self: PeerReport
  log: Logger
}

export function createRelay({ join, tls, onReachable, self, log }: RelayDeps): Service {
  const mesh = join(new Router(), { relays: true, ...(tls === null ? {} : { tls }) })
  observeMesh(mesh, ['registry'])
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
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
      mesh.follow('registry')
      reporter.start()
      const patient = performance.now() + FIRST_LOOK_MS
      while (!mesh.isRelaying && performance.now() < patient) await sleep(POLL_MS)
      tell()
      timer = setInterval(tell, LOOK_MS)
      log.info({ peer: mesh.key }, 'relay is up')
    },
    async stop() {
      clearInterval(timer)
      reporter.stop()
      await mesh.stop()
    },
    health: () =>
      mesh.isRelaying ? { ready: true } : { ready: false, reason: 'no one gets in from outside' }
  }
}
