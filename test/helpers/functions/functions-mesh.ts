/** A mesh whose worker runs functions, every service in this process, behind HTTP. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '#shared/process/log.ts'
import { createJobs } from '../../../services/jobs/jobs.ts'
import { ArtifactStore } from '../../../services/worker/artifacts/artifact-store.ts'
import { openTasks } from '../../../services/worker/tasks/open-tasks.ts'
import { readTasks } from '../../../services/worker/tasks/task-config.ts'
import { createWorker } from '../../../services/worker/worker.ts'
import { addBridge } from '../mesh/bridge.ts'
import { startMesh } from '../mesh/mesh.ts'
import { atEnd, type Scope } from '../peers/peers.ts'
import { startEmbeddedStore } from '../stores/embedded-store.ts'
import { until } from '../until.ts'

const self = { host: 'test', version: '0' }

export async function startFunctionsMesh(scope: Scope) {
  const { store } = await startEmbeddedStore(scope)
  const mesh = await startMesh(scope, { store, takesJobs: true, gateways: 0, workers: [] })
  const access = await mesh.addGateway({ store })
  const log = silentLogger()
  const jobs = createJobs({ self, store, log, join: mesh.joiner('jobs') })
  atEnd(scope, () => jobs.stop())
  await jobs.start()
  const url = await addBridge(scope, mesh, false)
  const home = mkdtempSync(join(tmpdir(), 'haif-functions-'))
  chmodSync(home, 0o755) // the sandbox of a worker that runs as root is another user's
  atEnd(scope, async () => rmSync(home, { recursive: true, force: true }))
  const env = { ALLOW_FUNCTIONS: '1', FUNCTIONS_FOLDER: join(home, 'environments') }
  const tasks = await openTasks({
    config: readTasks(env, {}),
    home,
    download: { folder: home, hub: {} as never, held: () => undefined, serve: () => {} },
    log
  })
  /** Another machine, with artifacts of its own; returns its key. */
  let machines = 0
  const addMachine = async (): Promise<string> => {
    const folder = join(home, `artifacts-${machines++}`)
    const worker = createWorker({
      join: mesh.joiner('worker'),
      models: [],
      tasks,
      artifacts: new ArtifactStore({ folder, bytesMax: 1e9, keepMs: 1e9 }),
      labels: {},
      self,
      onDrain: () => worker.stop(),
      drainMs: 1000,
      log
    })
    atEnd(scope, () => worker.stop())
    await worker.start()
    return mesh.meshes.at(-1)!.key
  }
  const machine = await addMachine()
  await until(async () => (await fetch(`${url}/v1/libraries`)).ok)
  /** False: this machine has no sandbox. */
  const hasFunctions = tasks.kinds.some(({ type }) => type === 'function')
  /** Returns its secret; from the first on, everybody needs one. */
  const token = async (tenant: string, ...scopes: string[]): Promise<string> => {
    const wish = scopes.length === 0 ? { tenant } : { tenant, scopes }
    const by = { actor: 'test', requestId: 'r' }
    return (await access.stored.admin.createToken(wish, by)).secret
  }
  return { url, store, home, mesh, hasFunctions, machine, addMachine, token }
}
