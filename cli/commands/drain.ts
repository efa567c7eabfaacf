/** `haif drain`: a worker finishes what it runs, takes nothing new, and leaves the mesh. */
import process from 'node:process'
import type { Command } from 'commander'
import { drainWorker } from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { openClient } from '../ask/client.ts'
import { TOPIC_KEY } from './options/options.ts'

const ANSWER_MS_MAX = 10_000

export function addDrainCommand(program: Command): void {
  program
    .command('drain')
    .description('let a worker finish what it runs and leave the mesh')
    .argument('<worker>', 'its key, or the beginning of it, as "haif status" shows it')
    .option(...TOPIC_KEY)
    .action(async (worker: string, { topicKey }: { topicKey?: string }) => {
      if (!/^[0-9a-f]{4,64}$/.test(worker)) {
        throw new HaifError(
          'VALIDATION_FAILED',
          `"${worker}" is no worker: give at least the first 4 characters of the key that "haif status" shows`
        )
      }
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
