/**
 * A mesh as it is deployed, every service in a process of its own; only the DHT nodes live here.
 */
import { randomBytes } from 'node:crypto'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { encodeTopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { startService, type ServiceProcess } from './service-process.ts'
import { until } from '../until.ts'

/** Far over what a benchmark sends: the gateway's limit is not what is measured. */
const MAX_CONCURRENT_REQUESTS = '100000'

export class Deployment implements AsyncDisposable {
  readonly services: ServiceProcess[] = []
  readonly #nodes = new BootstrapNodes({ host: '127.0.0.1', port: 0 })
  #env: Record<string, string> = {}
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

  /** As text. */
  get topicKey(): string {
    return this.#env['HAIF_TOPIC_KEY'] ?? ''
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
    const topicKey = { secret: randomBytes(32), reach: 'local', bootstrap: [address] } as const
    this.#env = { ...env, HAIF_TOPIC_KEY: encodeTopicKey({ ...topicKey, bootstrap: [address] }) }
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
