/** `haif relay`: this machine forwards for members that cannot reach each other. */
import process from 'node:process'
import type { Command } from 'commander'
import { Home } from '#shared/main/home.ts'
import { placeIn, takeSeat, usesLocalSockets } from '#shared/main/place.ts'
import { runUntilSignal } from '#shared/main/until-signal.ts'
import { decodeInvite } from '#shared/mesh/membership/invite.ts'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { readTlsPlace } from '../../services/relay/config.ts'
import { createRelay } from '../../services/relay/relay.ts'
import { Contact } from '../ask/contact.ts'
import { portNumber } from './options/options.ts'
import { readTopicKey } from './members/topic-key.ts'

interface RelayOptions {
  inviteFile?: string
  tls?: number | true
}

const TLS_PORT = 443

export function addRelayCommand(program: Command): void {
  program
    .command('relay')
    .description(
      'forward for members that cannot reach each other; for a machine with a public address'
    )
    .argument('[topic key]', 'the haif_… that "haif invite --role relay" prints, once; - reads it')
    .option('--invite-file <file>', 'holds the topic key (HAIF_TOPIC_KEY_FILE)')
    .option(
      '--tls [port]',
      `also over TLS, for networks that block UDP (HAIF_RELAY_TLS_PORT; default ${TLS_PORT})`,
      portNumber
    )
    .action((topicKey: string | undefined, options: RelayOptions) =>
      relay(topicKey, options, process.env)
    )
}

async function relay(
  argument: string | undefined,
  { inviteFile, tls }: RelayOptions,
  env: Environment
): Promise<void> {
  const place = readTlsPlace(env, tls === true ? TLS_PORT : tls)
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), 'relay')
  const text = await readTopicKey(argument, inviteFile)
  const invite = text === null ? home.invite(undefined, env) : decodeInvite(text)
  const wish = { home, role: 'relay', log } as const
  const joining = new Contact().joining(usesLocalSockets(env))
  const seat = await takeSeat({ ...wish, invite, isNew: text !== null }, joining)
  const { join, self } = placeIn({ ...wish, env }, seat)
  await runUntilSignal(createRelay({ join, tls: place, onReachable: say, self, log }), log)
}

function say(isReachable: boolean): void {
  process.stdout.write(
    isReachable
      ? 'relaying: members that cannot reach each other connect through this machine\n'
      : 'not relaying yet: nobody gets in from outside. Open UDP port 49737 of this machine and of ' +
          'the firewall before it; still trying\n'
  )
}
