/**
 * `haif up`: the whole mesh on this machine, in one process unless several of a service are wanted.
 */
import process from 'node:process'
import type { Command } from 'commander'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { builtPage, isPageBuilt } from '#shared/web-page.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { runUntilSignal } from '#shared/main/until-signal.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { assertOpenFiles } from '#shared/process/open-files.ts'
import { startTelemetry } from '#shared/telemetry/start.ts'
import { VERSION } from '#shared/process/version.ts'
import { startOwnMesh, type OwnMesh } from '../up/own-mesh.ts'
import type { Reach } from '#shared/mesh/discovery/mesh-address.ts'
import {
  collect,
  addModelOptions,
  addTaskOptions,
  gpuOption,
  memoryBudgetOption,
  onDemandOption,
  portNumber,
  wholeNumber
} from './options/options.ts'
import { OWN_COMMAND } from '../screen/own-command.ts'
import type { MeshServices, MeshServicesOptions } from '../up/mesh-services.ts'

interface UpOptions extends MeshServicesOptions {
  /** The address of this machine there, where it was given. */
  lan?: true | string
  public?: true
  bootstrap?: string[]
  defaultModel?: string
}

/** Processes of one service. */
const count = wholeNumber(1, 64)

export function addUpCommand(program: Command): void {
  const command = program
    .command('up')
    .description('run the whole mesh on this machine')
    .option(
      '--lan [address]',
      'let machines of the local network join; with the address of this machine there (default: that of the default route)'
    )
    .option('--public', 'let machines anywhere join, behind any NAT, through the public DHT')
    .option(
      '--bootstrap <node...>',
      'with --public: DHT nodes of your own, host[:port], in place of the public DHT (haif service bootstrap)'
    )
    .option('--host <address>', 'address for HTTP (HOST; default 127.0.0.1)')
    .option('--port <number>', 'port for HTTP (PORT; default 8080; 0: any free one)', portNumber)
    .option(
      '--ollama-port <number>',
      'listen here too, for programs that know only Ollama: 11434 (OLLAMA_PORT)',
      portNumber
    )
    .option('--allow-anonymous', 'with --host: let everybody who reaches this machine ask')
    .option(
      '--model <[name=]uri>',
      'builtin, a .gguf file, or hf:user/repo:QUANT; repeatable (MODEL_ID)',
      collect
    )
    .option(
      '--default-model <name>',
      'answers requests that name none (DEFAULT_MODEL; default: a real model that is ready)'
    )
    .addOption(onDemandOption())
    .addOption(memoryBudgetOption())
    .addOption(gpuOption())
  addTaskOptions(addModelOptions(command))
    .option('--slots <number>', 'answers at a time of each model (SLOTS; default: as fits)')
    .option('--no-worker', 'run no model here; machines that join do')
    .option('--workers <number>', 'so many workers, in processes of their own', count)
    .option('--orchestrators <number>', 'so many orchestrators, in processes of their own', count)
    .option('--gateways <number>', 'so many gateways, in processes of their own', count)
    .action((options: UpOptions) => up(options, environmentOf(options, process.env)))
}

/** Options come before the environment. */
const environmentOf = ({ defaultModel }: UpOptions, env: Environment): Environment =>
  defaultModel === undefined ? env : { ...env, DEFAULT_MODEL: defaultModel }

async function up(options: UpOptions, env: Environment): Promise<void> {
  refuseContradictions(options)
  assertOpenFiles()
  const home = new Home(env)
  home.lockForUp()
  const ownMesh = await startOwnMesh(home, wishesOf(options))
  const logFor = (name: string) =>
    createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), name)
  const telemetry = await startTelemetry(env, 'up')
  // Loaded only now, so that the other commands start quickly.
  const { meshServices } = await import('../up/mesh-services.ts')
  const { ownStore } = await import('../up/own-store.ts')
  const state = ownStore(env, home, logFor('store'))
  const mesh = meshServices({
    options,
    env,
    home,
    ownMesh,
    logFor,
    state,
    metrics: telemetry.metrics
  })
  const service = telemetry.serving(mesh.service, logFor('up'))
  await runUntilSignal(service, logFor('up'), () => announce(ownMesh, mesh))
}

function refuseContradictions(options: UpOptions): void {
  if (options.lan !== undefined && options.public === true) {
    throw new HaifError('CONFIG_INVALID', '--lan and --public cannot be used together: choose one')
  }
  if (options.bootstrap !== undefined && options.public !== true) {
    throw new HaifError('CONFIG_INVALID', '--bootstrap is for meshes on the internet: add --public')
  }
  const { workers, model, onDemand, memoryBudget, gpu, context, slots, kv } = options
  const { flashAttention, chatTemplate } = options
  const ofWorkers = [workers, model, onDemand, memoryBudget, gpu, context, slots, kv]
  const given = [...ofWorkers, flashAttention, chatTemplate].some((option) => option !== undefined)
  if (!options.worker && given) {
    throw new HaifError(
      'CONFIG_INVALID',
      '--no-worker runs no model here, so --workers, --model and what is said of models, --on-demand, --memory-budget and --gpu cannot be used with it'
    )
  }
}

function wishesOf({ lan, public: isPublic, bootstrap = [] }: UpOptions) {
  const reach: Reach = isPublic === true ? 'public' : lan === undefined ? 'local' : 'lan'
  return { reach, address: typeof lan === 'string' ? lan : null, bootstrap }
}

const TOY = [
  'haif-tiny answers: a toy of a million parameters for install checks. For real work, for example:',
  `  ${OWN_COMMAND} up --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M`,
  ''
]

const MIGRATED = [
  'This mesh was made before HAIF had invites. It keeps its state and now has a root key of its own;',
  'the old topic key no longer lets machines in. Update HAIF on each worker, then join once from there',
  'with a new topic key. One for all of them, valid for a day:',
  `  ${OWN_COMMAND} invite --uses many --expires 1d`,
  ''
]

/** Prints what a newcomer needs next. Its last line says that requests are answered from now on. */
function announce({ address, isMigrated }: OwnMesh, mesh: MeshServices): void {
  const url = mesh.url()
  const joiners = {
    local: 'another worker on this machine (--lan or --public: on others)',
    lan: 'let another machine of this network join',
    public: 'let a machine anywhere join'
  }
  const topicKey = mesh.topicKey()
  const lines = [
    `HAIF ${VERSION}`,
    '',
    ...(isMigrated ? MIGRATED : []),
    `${joiners[address.reach]}, within the hour (more: ${OWN_COMMAND} invite):`,
    `  ${OWN_COMMAND} ${topicKey === null ? 'invite' : `join ${topicKey}`}`,
    '',
    'ask something:',
    `  ${OWN_COMMAND} infer "What is HAIF?"`,
    `  curl -N ${url}/infer -H 'content-type: application/json' -H 'accept: text/event-stream' -d '{"prompt":"What is HAIF?"}'`,
    ...(isPageBuilt(builtPage('chat')) ? ['or chat in a browser:', `  ${url}/`] : []),
    ...(isPageBuilt(builtPage('console'))
      ? ['see what runs, and run it, in the console:', `  ${url}/console`]
      : []),
    '',
    ...(mesh.hasBuiltin ? TOY : []),
    mesh.hasWorker ? `ready ${url}` : `waiting for a worker to join; ready then: ${url}`
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
