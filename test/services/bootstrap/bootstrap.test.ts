import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createBootstrap } from '../../../services/bootstrap/bootstrap.ts'
import { readBootstrapConfig } from '../../../services/bootstrap/config.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { atEnd, startPeer, linkBetween } from '../../helpers/peers/peers.ts'
import { freePort } from '../../helpers/stores/postgres.ts'

/** Starts it on a home; returns where the others find the mesh, and its root. */
async function bootstrapped(t: TestContext, folder: string, env: Record<string, string>) {
  const home = new Home({ HAIF_HOME: folder, HAIF_MESH_FOLDER: join(folder, 'mesh') })
  const config = readBootstrapConfig(env)
  const service = createBootstrap({ config, home, log: silentLogger() })
  atEnd(t, () => service.stop())
  await service.start()
  const { mesh, reach, bootstrap } = home.mesh.address!
  assert.equal(statSync(home.mesh.rootFile).mode & 0o777, 0o600)
  const secret = Buffer.from(readFileSync(home.mesh.rootFile, 'utf8').trim(), 'hex')
  return { root: { secret, reach, bootstrap }, mesh, service }
}

test('peers that read where the mesh is find each other, and a restart keeps it', async (t) => {
  const folder = temporaryHome(t)
  const port = String(await freePort())
  const env = { HAIF_BOOTSTRAP_HOST: '127.0.0.1', HAIF_BOOTSTRAP_PORT: port }
  const { root, mesh, service } = await bootstrapped(t, folder, env)
  assert.deepEqual(root.bootstrap, [{ host: '127.0.0.1', port: Number(port) }])
  const registry = await startPeer(t, root, { role: 'registry' })
  const gateway = await startPeer(t, root, { role: 'gateway' })
  gateway.follow('registry')
  await linkBetween(gateway, registry)
  await Promise.all([registry.stop(), gateway.stop()])
  await service.stop()
  assert.deepEqual((await bootstrapped(t, folder, env)).mesh, mesh)
})

test('through the public DHT it runs no node', async (t) => {
  const { root } = await bootstrapped(t, temporaryHome(t), { HAIF_BOOTSTRAP: 'public' })
  assert.equal(root.reach, 'public')
  assert.deepEqual(root.bootstrap, [])
})

test('nodes on several hosts are one DHT, and the mesh names them all', async (t) => {
  const ports = [String(await freePort()), String(await freePort())]
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port: Number(port) }))
  const start = (own: number) =>
    bootstrapped(t, temporaryHome(t), {
      HAIF_BOOTSTRAP: 'own',
      HAIF_BOOTSTRAP_HOST: '127.0.0.1',
      HAIF_BOOTSTRAP_PORT: ports[own]!,
      HAIF_BOOTSTRAP_NODES: `127.0.0.1:${ports[1 - own]}`
    })
  const [{ root }] = [await start(0), await start(1)]
  const { reach, bootstrap, secret } = root
  assert.equal(reach, 'public')
  assert.deepEqual(bootstrap, nodes)
  const known = (own: number) => ({ secret, reach: 'local' as const, bootstrap: [nodes[own]!] })
  const registry = await startPeer(t, known(0), { role: 'registry' })
  const gateway = await startPeer(t, known(1), { role: 'gateway' })
  gateway.follow('registry')
  await linkBetween(gateway, registry)
})

test('compose can name nodes in place of those of the public DHT', async (t) => {
  const env = { HAIF_BOOTSTRAP: 'public', HAIF_BOOTSTRAP_NODES: '127.0.0.1:4001, 127.0.0.1' }
  const { root } = await bootstrapped(t, temporaryHome(t), env)
  assert.deepEqual(
    root.bootstrap.map(({ port }) => port),
    [4001, 49_737]
  )
})
