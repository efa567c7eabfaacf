/** `haif run MODEL`: a worker of the mesh brings the model if none has it, then it is asked. */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ModelView } from '#shared/contracts/http/admin/models.ts'
import { listWorkers, orderModel, viewModels } from '#shared/contracts/peers/operating.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { heldName, workerToBring } from '../ask/bring-model.ts'
import type { Client } from '../ask/client.ts'
import { withGateways } from '../ask/gateway-call.ts'
import { addAnswerOptions, type RequestOptions } from '../ask/request-options.ts'
import { downloadText } from '../screen/download-text.ts'
import { listenForEnd } from '../screen/ending.ts'
import { printableLine, shortKey } from '../screen/terminal.ts'
import { chat } from './chat.ts'
import { infer } from './infer.ts'

const LOOK_MS = 1000
const ANSWER_MS_MAX = 20_000
/** As many as one page of them has. */
const WORKERS_MAX = 500

export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('ask a model, which a worker brings first if none has it')
    .argument('<model>', 'a name of the mesh, a short name, or hf:user/repo:QUANT')
    .argument('[prompt...]', 'asked once; without one, and with nothing piped in, a chat begins')
  addAnswerOptions(command).action((model: string, words: string[], options: RequestOptions) =>
    run(model, words, options)
  )
}

async function run(wanted: string, words: string[], options: RequestOptions): Promise<void> {
  const model = await bring(wanted, options)
  if (model === null) return
  const asked = { ...options, model }
  if (words.length > 0 || !process.stdin.isTTY) await infer(words, asked, process.env)
  else await chat([], asked, process.env)
}

/** Returns the name under which it can be asked; null: Ctrl-C. */
async function bring(wanted: string, { topicKey }: RequestOptions): Promise<string | null> {
  using ending = listenForEnd()
  const { signal } = ending
  try {
    return await withGateways(topicKey === undefined ? {} : { topicKey }, async ({ peers }) => {
      using context = createContext({ timeoutMs: ANSWER_MS_MAX })
      const { workers } = await peers.call(listWorkers, { limit: WORKERS_MAX }, context)
      const held = heldName(wanted, workers)
      if (held !== undefined) return held
      const worker = workerToBring(wanted, workers)
      const order = { id: worker.id, action: 'load' as const, model: wanted }
      const { model } = await peers.call(orderModel, order, context)
      const place = printableLine(worker.name ?? shortKey(worker.id))
      process.stderr.write(`${printableLine(model)} is being brought to ${place}\n`)
      await untilReady(model, peers, signal)
      return model
    })
  } catch (error) {
    if (!signal.aborted) throw error
    process.exitCode = ending.exitCode
    return null
  }
}

async function modelsOf(peers: Client['peers']): Promise<ModelView[]> {
  using context = createContext({ timeoutMs: ANSWER_MS_MAX })
  return (await peers.call(viewModels, {}, context)).models
}

async function untilReady(name: string, peers: Client['peers'], signal: AbortSignal) {
  const { isTTY } = process.stderr
  for (;;) {
    const model = (await modelsOf(peers)).find((each) => each.name === name)
    const states = model?.workers ?? []
    if (isTTY) process.stderr.write(`\r${progressOf(states)}\u001B[K`)
    if (states.some(({ state }) => state === 'ready')) break
    const failed = states.find(({ state }) => state === 'failed')
    if (failed !== undefined && states.length === 1) {
      throw new HaifError('MODEL_LOAD_FAILED', `${name} cannot be loaded: ${failed.error ?? ''}`)
    }
    await sleep(LOOK_MS, undefined, { signal })
  }
  if (isTTY) process.stderr.write('\r\u001B[K')
}

function progressOf(holders: ModelView['workers']): string {
  const loading = holders.find(({ state }) => state === 'loading') ?? holders[0]
  const { download, phase = 'waits' } = loading ?? {}
  return download === undefined ? phase : downloadText(download)
}
