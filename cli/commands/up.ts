/** `haif up`: the whole mesh on this machine, in one process. */
import process from 'node:process'
import type { Command } from 'commander'
import { readChoice, readInteger, readString, type Environment } from '#shared/config.ts'
import { Home } from '#shared/home.ts'
import { runUntilSignal, together, type Service } from '#shared/lifecycle.ts'
import { createLogger, LOG_LEVELS } from '#shared/log.ts'
import type { PeerRole } from '#shared/mesh/role.ts'
import type { Reach } from '#shared/mesh/topic-key.ts'
import { placeIn } from '#shared/place.ts'
import { createMetrics } from '#shared/telemetry.ts'
import { VERSION } from '#shared/version.ts'
import { readGatewayConfig } from '../../services/gateway/config.ts'
import { createGateway } from '../../services/gateway/gateway.ts'
import { createHttpBridge } from '../../services/http-bridge/http-bridge.ts'
import { readOrchestratorConfig } from '../../services/orchestrator/config.ts'
import { createOrchestrator } from '../../services/orchestrator/orchestrator.ts'
import { MemoryCatalogue } from '../../services/registry/catalogue.ts'
import { createRegistry } from '../../services/registry/registry.ts'
import { readWorkerConfig } from '../../services/worker/config.ts'
import { readHub } from '../../services/worker/models/hub.ts'
import { modelSource } from '../../services/worker/models/model-source.ts'
import { createWorker } from '../../services/worker/worker.ts'
import { showLoading } from '../loading.ts'
import { collect, portNumber } from '../options.ts'
import { startOwnMesh, type OwnMesh } from '../own-mesh.ts'

interface UpOptions {
  lan?: true
  public?: true
  host?: string
  port?: number
  model?: string[]
  worker: boolean
}

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('run the whole mesh on this machine')
    .option('--lan', 'let machines of the local network join')
    .option('--public', 'let machines anywhere join, behind any NAT, through the public DHT')
    .option('--host <address>', 'address for HTTP (HOST; default 127.0.0.1)')
    .option('--port <number>', 'port for HTTP (PORT; default 8080; 0: any free one)', portNumber)
    .option('--model <uri>', 'builtin, a .gguf file, or hf:user/repo:QUANT; repeatable', collect)
    .option('--no-worker', 'run no model here; machines that join do')
    .action((options: UpOptions) => up(options, process.env))
}

async function up(options: UpOptions, env: Environment): Promise<void> {
  const home = new Home(env)
  home.lockForUp()
  const ownMesh = await startOwnMesh(home, reachOf(options))
  const { services, url } = makeServices(options, env, home, ownMesh)
  await runUntilSignal(together(services), logFor(env, 'up'), () => announce(ownMesh, url()))
}

/** What a newcomer needs next. The last line says that requests are answered from now on. */
function announce({ topicKey, text }: OwnMesh, url: string): void {
  const joiners = {
    local: 'more workers on this machine (--lan or --public: on others):',
    lan: 'join from another machine of this network:',
    public: 'join from any machine:'
  }
  const lines = [
    `HAIF ${VERSION}`,
    '',
    joiners[topicKey.reach],
    `  npx haif join ${text}`,
    'the topic key (haif_…) is a secret: whoever has it can join',
    '',
    'ask something:',
    `  npx haif infer "What is HAIF?"`,
    `  curl -N ${url}/infer -H 'content-type: application/json' -H 'accept: text/event-stream' -d '{"prompt":"What is HAIF?"}'`,
    '',
    `ready ${url}`
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

const reachOf = (options: UpOptions): Reach =>
  options.public === true ? 'public' : options.lan === true ? 'lan' : 'local'

function makeServices(options: UpOptions, env: Environment, home: Home, ownMesh: OwnMesh) {
  const { topicKey } = ownMesh
  const place = (role: PeerRole) => placeIn({ home, topicKey, role, log: logFor(env, role) })
  const catalogue = new MemoryCatalogue()
  const bridge = createHttpBridge({
    ...place('bridge'),
    metrics: createMetrics(),
    host: options.host ?? readString(env, 'HOST', '127.0.0.1'),
    port: options.port ?? readInteger(env, 'PORT', { default: 8080, min: 0, max: 65_535 })
  })
  const services: Service[] = [
    { start: async () => {}, stop: () => ownMesh.nodes.stop() }, // last to stop
    createRegistry({ ...place('registry'), catalogue }),
    createOrchestrator({ ...place('orchestrator'), ...readOrchestratorConfig(env) }),
    createGateway({ ...place('gateway'), ...readGatewayConfig(env) })
  ]
  if (options.worker) services.push(makeWorker(options, env, place('worker'), home))
  services.push(bridge)
  return { services, url: () => bridge.url }
}

function makeWorker(
  options: UpOptions,
  env: Environment,
  place: ReturnType<typeof placeIn>,
  home: Home
): Service {
  const { models, drainMs } = readWorkerConfig(env)
  const uris = options.model ?? models
  const sources = uris.map((uri) => modelSource(uri, { folder: home.models, hub: readHub(env) }))
  return showLoading(createWorker({ ...place, models: sources, drainMs }))
}

function logFor(env: Environment, name: string) {
  return createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), name)
}
