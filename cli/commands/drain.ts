/** `haif drain`: a worker finishes what it runs, takes nothing new, and leaves the mesh. */
import process from 'node:process'
import type { Command } from 'commander'
import { drainWorker } from '#shared/contracts/access/access.ts'
import { readRegistry } from '#shared/mesh/read-registry.ts'
import { createContext } from '#shared/rpc/context.ts'
import { openClient } from '../ask/client.ts'
import { workerNamed } from '../ask/worker-named.ts'
import { TOPIC_KEY } from './options/options.ts'

const ANSWER_MS_MAX = 10_000
const KEY_BEGINNING = /^[0-9a-f]{4,64}$/

export function addDrainCommand(program: Command): void {
  program
    .command('drain')
    .description('let a worker finish what it runs and leave the mesh')
    .argument(
      '<worker>',
      'its name, its key or the beginning of its key, as "haif status" shows them'
    )
    .option(...TOPIC_KEY)
    .action(async (text: string, { topicKey }: { topicKey?: string }) => {
      const worker = KEY_BEGINNING.test(text) ? text : await keyOf(text, topicKey)
      using context = createContext({ timeoutMs: ANSWER_MS_MAX })
      await using client = await openClient({
        role: 'gateway',
        topicKey,
        env: process.env,
        signal: context.signal
      })
      const drained = await client.peers.call(drainWorker, { worker }, context)
      process.stdout.write(`worker ${drained.worker.slice(0, 8)} takes nothing new and leaves\n`)
    })
}

async function keyOf(name: string, topicKey: string | undefined): Promise<string> {
  using context = createContext({ timeoutMs: ANSWER_MS_MAX })
  const { signal } = context
  await using client = await openClient({ role: 'registry', topicKey, env: process.env, signal })
  const { peers } = await readRegistry(client.peers, context)
  return workerNamed(name, peers)
}
