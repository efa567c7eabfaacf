/** `haif join`: this machine becomes a worker of a mesh. */
import process from 'node:process'
import type { Command } from 'commander'
import { readChoice, type Environment } from '#shared/config.ts'
import { Home } from '#shared/home.ts'
import { runUntilSignal, stopThisProcess } from '#shared/lifecycle.ts'
import { createLogger, LOG_LEVELS } from '#shared/log.ts'
import { decodeTopicKey } from '#shared/mesh/topic-key.ts'
import { placeIn } from '#shared/place.ts'
import { readWorkerConfig } from '../../services/worker/config.ts'
import { readHub } from '../../services/worker/models/hub.ts'
import { modelSource } from '../../services/worker/models/model-source.ts'
import { createWorker, type Worker } from '../../services/worker/worker.ts'
import { showLoading } from '../loading.ts'
import { collect } from '../options.ts'

/** After this long without an orchestrator a person wants to know. */
const PATIENCE_MS = 5000

interface JoinOptions {
  model?: string[]
}

export function addJoinCommand(program: Command): void {
  program
    .command('join')
    .description('make this machine a worker of a mesh')
    .argument('<topic key>', 'the haif_… line that "haif up" prints')
    .option('--model <uri>', 'builtin, a .gguf file, or hf:user/repo:QUANT; repeatable', collect)
    .action((topicKey: string, options: JoinOptions) => join(topicKey, options, process.env))
}

async function join(text: string, options: JoinOptions, env: Environment): Promise<void> {
  const topicKey = decodeTopicKey(text)
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), 'worker')
  const place = placeIn({ home, topicKey, role: 'worker', log })
  const { models, drainMs } = readWorkerConfig(env)
  const sources = (options.model ?? models).map((uri) =>
    modelSource(uri, { folder: home.models, hub: readHub(env) })
  )
  const worker = createWorker({ ...place, models: sources, onDrain: stopThisProcess, drainMs })
  await runUntilSignal(showLoading(worker), log, () => {
    home.rememberTopicKey(text.trim())
    void sayWhenConnected(worker)
  })
}

async function sayWhenConnected(worker: Worker): Promise<void> {
  const timer = setTimeout(() => {
    process.stdout.write(
      'no orchestrator of this mesh answers yet; is "haif up" running where the key comes from? Still trying …\n'
    )
  }, PATIENCE_MS)
  await worker.connected()
  clearTimeout(timer)
  process.stdout.write('joined: this machine is a worker now; Ctrl-C leaves the mesh\n')
}
