/**
 * A mesh as it is deployed, every service in a process of its own; only the DHT nodes live here.
 */
import { randomBytes } from 'node:crypto'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { rootEnv, type MeshRoot } from '../peers/mesh-root.ts'
import { startService, type ServiceProcess } from './service-process.ts'
import { until } from '../until.ts'

/** Far over what a benchmark sends: the gateway's limit is not what is measured. */
const MAX_CONCURRENT_REQUESTS = '100000'

export class Deployment implements AsyncDisposable {
  readonly services: ServiceProcess[] = []
  readonly #nodes = new BootstrapNodes({ host: '127.0.0.1', port: 0 })
  #env: Record<string, string> = {}
  root: MeshRoot = { secret: Buffer.alloc(0), reach: 'local', bootstrap: [] }
  /** Of the bridge. */
  url = ''

  /** One of each, and a worker for each model URI; `env` is for all of them. */
  static async start(
    models: readonly string[],
    env: Record<string, string> = {}
  ): Promise<Deployment> {
    const deployment = new Deployment()
    await deployment.#start(models, env)
    return deployment
  }

  /** What makes a command of this machine one of its operators' machine. */
  get rootEnv(): { HAIF_MESH_FOLDER: string } {
    return { HAIF_MESH_FOLDER: this.#env['HAIF_MESH_FOLDER'] ?? '' }
  }

  addService(name: string, env: Record<string, string> = {}): ServiceProcess {
    const service = startService(name, { ...this.#env, ...env })
    this.services.push(service)
    return service
  }

  addWorker(model: string, env: Record<string, string> = {}): ServiceProcess {
    return this.addService('worker', { MODEL_ID: model, ...env })
  }

  /** Waits until a request would be answered. */
  async ready(): Promise<void> {
    await until(async () => (await fetch(`${this.url}/readyz`)).ok, 30_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.services.map((service) => service.end()))
    await this.#nodes.stop()
  }

  async #start(models: readonly string[], env: Record<string, string>): Promise<void> {
    await this.#nodes.start()
    const { address } = this.#nodes
    this.root = { secret: randomBytes(32), reach: 'local', bootstrap: [address] }
    this.#env = { ...env, ...rootEnv(this.root) }
    this.addService('registry')
    this.addService('orchestrator')
    this.addService('gateway', { MAX_CONCURRENT_REQUESTS, ...env })
    const bridge = this.addService('http-bridge', { PORT: '0' })
    for (const model of models) this.addWorker(model)
    this.url = (await bridge.up).url
    await Promise.all(this.services.map(({ up }) => up))
    if (models.length > 0) await this.ready()
  }
}
