/** `haif join`: this machine becomes a worker of a mesh. */
import process from 'node:process'
import { Option, type Command } from 'commander'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { failThisProcess, runUntilSignal, stopThisProcess } from '#shared/main/until-signal.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { placeIn, takeSeat, usesLocalSockets } from '#shared/main/place.ts'
import { decodeInvite, type Invite } from '#shared/mesh/membership/invite.ts'
import {
  readWorkerConfig,
  UPSTREAM_SLOTS_MAX,
  type UpstreamConfig,
  type WorkerConfig,
  type WorkerWishes
} from '../../services/worker/config.ts'
import { openNode } from '#shared/mesh/open-mesh.ts'
import { together } from '#shared/process/lifecycle.ts'
import type { BridgeWishes } from '../../services/http-bridge/config.ts'
import { KeptOrders } from '../../services/worker/kept-orders.ts'
import { openWorker } from '../../services/worker/worker-here.ts'
import { bridgeBeside } from '../up/bridge-beside.ts'
import { Contact } from '../ask/contact.ts'
import { askTopicKey, readTopicKey, warnIfSeen } from './members/topic-key.ts'
import { isTold, toldByMesh } from '../join/told-by-mesh.ts'
import { showLoading } from '../up/loading.ts'
import { ModelLines } from '../screen/model-lines.ts'
import {
  collect,
  addModelOptions,
  addTaskOptions,
  gpuOption,
  memoryBudgetOption,
  onDemandOption,
  portNumber
} from './options/options.ts'

interface JoinOptions extends WorkerWishes {
  relay?: string[]
  inviteFile?: string
  engine?: 'openai'
  upstream?: string
  upstreamKeyFile?: string
  upstreamCa?: string
  /** A port; true: that of the settings. */
  http?: number | true
}

export function addJoinCommand(program: Command): void {
  const command = program
    .command('join')
    .description('make this machine a worker of a mesh')
    .argument(
      '[topic key]',
      'the haif_… that "haif invite" prints, once; - reads it from a pipe (HAIF_TOPIC_KEY)'
    )
    .option('--invite-file <file>', 'holds the topic key (HAIF_TOPIC_KEY_FILE)')
    .option(
      '--model <[name=]uri>',
      'builtin, a .gguf file, or hf:user/repo:QUANT; with --upstream a name there; repeatable (MODEL_ID)',
      collect
    )
    .addOption(
      new Option('--engine <name>', 'what runs the models, if not this worker itself').choices([
        'openai'
      ])
    )
    .option(
      '--upstream <url>',
      'a vLLM, SGLang, llama-server or Ollama that runs them (UPSTREAM_URL)'
    )
    .option(
      '--upstream-ca <file>',
      'a certificate that the server may show, in PEM form (UPSTREAM_CA_FILE)'
    )
    .option('--upstream-key-file <file>', 'holds the API key of that server (UPSTREAM_KEY_FILE)')
    .option(
      '--slots <number>',
      'answers at a time of each model; with --upstream requests at that server (SLOTS, UPSTREAM_SLOTS)'
    )
    .option(
      '--http [port]',
      'serve the HTTP API of the mesh on this machine, for its programs (default 8080, PORT)',
      portNumber
    )
    .option(
      '--relay <host[:port]>',
      'where a relay listens for TLS, for a network without UDP; repeatable (HAIF_TLS_RELAYS)',
      collect
    )
    .addOption(onDemandOption())
    .addOption(memoryBudgetOption())
    .addOption(gpuOption())
  addTaskOptions(addModelOptions(command)).action(
    (topicKey: string | undefined, options: JoinOptions) => join(topicKey, options, process.env)
  )
}

async function join(
  argument: string | undefined,
  options: JoinOptions,
  env: Environment
): Promise<void> {
  const given = workerConfig(options, env) // first: no invite is burnt for a typing error
  const home = new Home(env)
  if (options.relay !== undefined) home.rememberTlsRelays(options.relay)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), 'worker')
  const wishes = options.http === undefined ? null : ownHttp(options.http)
  if (wishes !== null) await assertFree(env, wishes)
  const { invite, isNew } = await inviteOf(argument, options, { home, env })
  const wish = { home, role: 'worker', log } as const
  const contact = new Contact()
  const seat = await takeSeat({ ...wish, invite, isNew }, contact.joining(usesLocalSockets(env)))
  const node = openNode(seat.address, home.tlsRelays)
  const place = placeIn({ ...wish, env, node }, seat)
  const bridge =
    wishes === null ? null : await bridgeBeside({ home, node, env, address: seat.address }, wishes)
  const lines = new ModelLines()
  const kept = new KeptOrders(home.ordersOf(seat.keyPair.publicKey), log)
  const config = isTold(options, env)
    ? given
    : await toldByMesh(given, { seat, home, kept, say: (line) => lines.note(line) })
  const worker = openWorker({
    ...place,
    join: (router, extras) => contact.watching(place.join(router, extras), seat.address),
    env,
    config,
    orders: kept,
    onDrain: stopThisProcess,
    onTold: (sentence) => lines.note(sentence),
    onRemoved: failThisProcess,
    onNote: (note) => lines.note(note),
    onModel: (model) => lines.changed(model),
    onConnected: (connected) => contact.changed(connected)
  })
  const { name } = seat.membership.certificate
  const service = together([bridge, showLoading(worker, lines)], {
    first: bridge === null ? [] : [bridge]
  })
  await runUntilSignal(service, log, () => {
    if (bridge !== null) process.stdout.write(`the HTTP API of the mesh: ${bridge.url}\n`)
    contact.begins(name)
  })
}

/** Of this machine alone: whoever may reach it from others is the owner's to say, and not here. */
const ownHttp = (port: number | true): BridgeWishes => ({
  host: '127.0.0.1',
  ollamaPort: 0,
  ...(port === true ? {} : { port })
})

/** Before an invite is burnt. */
async function assertFree(env: Environment, wishes: BridgeWishes): Promise<void> {
  const { freePort } = await import('../../services/http-bridge/http-bridge-here.ts')
  await freePort(env, wishes).start()
}

/** `isNew`: it was given to this command. */
async function inviteOf(
  argument: string | undefined,
  { inviteFile }: JoinOptions,
  { home, env }: { home: Home; env: Environment }
): Promise<{ invite: Invite | null; isNew: boolean }> {
  const text = await readTopicKey(argument, inviteFile)
  const known = text === null ? home.invite(undefined, env) : null
  const isStranger = text === null && known === null && home.mesh.address === null
  const given = isStranger ? await askTopicKey() : text
  if (given === null) return { invite: known, isNew: false }
  const invite = decodeInvite(given)
  if (argument === given) warnIfSeen(invite)
  return { invite, isNew: true }
}

function workerConfig(options: JoinOptions, env: Environment): WorkerConfig {
  const upstream = upstreamOf(options, env)
  if (upstream === null) return { ...readWorkerConfig(env, options), upstream }
  const { slots: _, ...wishes } = options // they are the server's
  const { context, kv, flashAttention, chatTemplate, onDemand } = options
  const ofModels = [context, kv, flashAttention, chatTemplate]
  if (onDemand === undefined && ofModels.some((option) => option !== undefined)) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${upstream.url} runs its models its own way: --context, --kv, --flash-attention and --chat-template are for models that run here`
    )
  }
  return { ...readWorkerConfig(env, wishes), upstream }
}

/** Options come before the environment. */
function upstreamOf(options: JoinOptions, env: Environment): UpstreamConfig | null {
  const { upstream: fromEnv } = readWorkerConfig(env)
  const {
    engine,
    model,
    slots,
    upstreamKeyFile,
    upstreamCa,
    upstream: url = fromEnv?.url
  } = options
  if (url !== undefined) {
    return {
      ...fromEnv,
      url,
      ...(upstreamKeyFile === undefined ? {} : { keyFile: upstreamKeyFile }),
      ...(upstreamCa === undefined ? {} : { caFile: upstreamCa }),
      ...(slots === undefined ? {} : { slots: slotsAtServer(slots) }),
      ...(model === undefined ? {} : { models: model })
    }
  }
  if ((engine ?? upstreamKeyFile ?? upstreamCa) === undefined) return null
  throw new HaifError(
    'CONFIG_INVALID',
    '--engine openai, --upstream-key-file and --upstream-ca need the server: --upstream http://127.0.0.1:8000/v1'
  )
}

function slotsAtServer(text: string): number {
  const slots = Number(text)
  if (Number.isInteger(slots) && slots >= 1 && slots <= UPSTREAM_SLOTS_MAX) return slots
  throw new HaifError(
    'CONFIG_INVALID',
    `--slots ${text} cannot be used: it must be a whole number from 1 to ${UPSTREAM_SLOTS_MAX}`
  )
}
