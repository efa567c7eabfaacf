/** `haif mesh`: what concerns the mesh as a whole. */
import type { Command } from 'commander'
import { rotateMesh } from '#shared/contracts/peers/members.ts'
import { askGateway, print, type CommonOptions } from '../../ask/gateway-call.ts'
import { TOPIC_KEY } from '../options/options.ts'

export function addMeshCommand(program: Command): void {
  program
    .command('mesh')
    .description('what concerns the mesh as a whole')
    .command('rotate')
    .description(
      'give those who stay new topics and certificates, so that old ones are worth nothing'
    )
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (options: CommonOptions) => {
      const rotated = await askGateway(rotateMesh.gateway, {}, options)
      const lines = [
        `the mesh is in epoch ${rotated.epoch} now; machines that are connected have it already.`,
        'One that is away until the next rotation has to join again with a new invite.'
      ]
      print(rotated, lines, options)
    })
}
