/** `haif join`: this machine becomes a worker of a mesh. */
import process from 'node:process'
import { Option, type Command } from 'commander'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { runUntilSignal, stopThisProcess } from '#shared/main/until-signal.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { decodeTopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { placeIn } from '#shared/main/place.ts'
import {
  readWorkerConfig,
  UPSTREAM_SLOTS_MAX,
  type UpstreamConfig,
  type WorkerWishes
} from '../../services/worker/config.ts'
import { openWorker } from '../../services/worker/worker-here.ts'
import { Contact } from '../ask/contact.ts'
import { showLoading } from '../up/loading.ts'
import { ModelLines } from '../screen/model-lines.ts'
import {
  collect,
  gpuOption,
  memoryBudgetOption,
  onDemandOption,
  wholeNumber
} from './options/options.ts'

interface JoinOptions extends WorkerWishes {
  engine?: 'openai'
  upstream?: string
  upstreamKeyFile?: string
  slots?: number
}

export function addJoinCommand(program: Command): void {
  program
    .command('join')
    .description('make this machine a worker of a mesh')
    .argument('<topic key>', 'the haif_… line that "haif up" prints')
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
    .option('--upstream-key-file <file>', 'holds the API key of that server (UPSTREAM_KEY_FILE)')
    .option(
      '--slots <number>',
      'requests that server gets at once, for each model (UPSTREAM_SLOTS)',
      wholeNumber(1, UPSTREAM_SLOTS_MAX)
    )
    .addOption(onDemandOption())
    .addOption(memoryBudgetOption())
    .addOption(gpuOption())
    .action((topicKey: string, options: JoinOptions) => join(topicKey, options, process.env))
}

async function join(text: string, options: JoinOptions, env: Environment): Promise<void> {
  const topicKey = decodeTopicKey(text)
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), 'worker')
  const place = placeIn({ home, topicKey, role: 'worker', log, env })
  const config = { ...readWorkerConfig(env, options), upstream: upstreamOf(options, env) }
  const lines = new ModelLines()
  const contact = new Contact()
  const worker = openWorker({
    ...place,
    env,
    config,
    onDrain: stopThisProcess,
    onModel: (model) => lines.changed(model),
    onConnected: (connected) => contact.changed(connected)
  })
  await runUntilSignal(showLoading(worker, lines), log, () => {
    home.rememberTopicKey(text.trim())
    contact.begins()
  })
}

/** Options come before the environment. */
function upstreamOf(options: JoinOptions, env: Environment): UpstreamConfig | null {
  const { upstream: fromEnv } = readWorkerConfig(env)
  const { engine, model, slots, upstreamKeyFile, upstream: url = fromEnv?.url } = options
  if (url !== undefined) {
    return {
      ...fromEnv,
      url,
      ...(upstreamKeyFile === undefined ? {} : { keyFile: upstreamKeyFile }),
      ...(slots === undefined ? {} : { slots }),
      ...(model === undefined ? {} : { models: model })
    }
  }
  if (engine === undefined && upstreamKeyFile === undefined && slots === undefined) return null
  throw new HaifError(
    'CONFIG_INVALID',
    '--engine openai, --upstream-key-file and --slots need the server: --upstream http://127.0.0.1:8000/v1'
  )
}
