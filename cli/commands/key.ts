/** `haif key`: the topic key of the mesh that this machine last started or joined. */
import process from 'node:process'
import type { Command } from 'commander'
import { Home } from '#shared/main/home.ts'
import { encodeTopicKey } from '#shared/mesh/discovery/topic-key.ts'

export function addKeyCommand(program: Command): void {
  program
    .command('key')
    .description('print the topic key of this mesh')
    .action(() => {
      const topicKey = new Home(process.env).topicKey(undefined, process.env)
      process.stdout.write(`${encodeTopicKey(topicKey)}\n`)
    })
}
