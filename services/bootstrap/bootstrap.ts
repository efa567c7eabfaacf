/**
 * The beginning of a deployment: makes the mesh's root key once, runs three DHT nodes of our own
 * unless the public DHT is used, and writes where the mesh is found, for the other services.
 */
import { HaifError } from '#shared/errors.ts'
import type { Home } from '#shared/main/home.ts'
import { migrateHome } from '#shared/main/migrate-home.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { ownAddress } from '#shared/mesh/diagnosis/own-address.ts'
import { resolveNodes } from '#shared/mesh/discovery/node-address.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import type { BootstrapConfig } from './config.ts'

export function createBootstrap(deps: {
  config: BootstrapConfig
  home: Home
  log: Logger
}): Service {
  const { config, home, log } = deps
  let nodes: BootstrapNodes | null = null
  return {
    async start() {
      if (migrateHome(home)) log.warn(MIGRATED)
      const { mesh } = home.makeAuthority()
      const others = await resolveNodes(config.nodes)
      const place = config.reach === 'public' ? null : { ...(await placeOf(config)), others }
      const bootstrap = place === null ? others : [hostAndPort(place), ...others]
      const reach = config.reach === 'private' ? 'lan' : 'public'
      if (place !== null) {
        nodes = new BootstrapNodes(place)
        await nodes.start()
      }
      home.mesh.remember({ mesh, reach, bootstrap })
      log.info(
        { reach, mesh: mesh.toString('hex') },
        'bootstrap is up; "haif invite" lets machines in'
      )
    },
    async stop() {
      await nodes?.stop()
    }
  }
}

const MIGRATED =
  'this mesh was made before HAIF had invites, and its old topic key no longer lets machines in: ' +
  'update HAIF on each worker, then join once with a topic key from "haif invite"'

const hostAndPort = ({ host, port }: Address): Address => ({ host, port })

/** The address of this machine's first DHT node. */
async function placeOf({ host, port }: BootstrapConfig): Promise<Address> {
  const address = host === '' ? await ownAddress('IPv4') : host
  if (address !== null) return { host: address, port }
  throw new HaifError(
    'CONFIG_INVALID',
    'this machine has no IPv4 address that others could reach: set HAIF_BOOTSTRAP_HOST'
  )
}
