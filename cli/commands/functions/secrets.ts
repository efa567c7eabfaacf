/** `haif secrets`: what functions get as files, and which of them. */
import process from 'node:process'
import type { Command } from 'commander'
import {
  gatewayGrantSecret,
  gatewayListSecrets,
  gatewayRemoveSecret,
  gatewaySetSecret,
  VALUE_CHARACTERS_MIN,
  type SecretGrant,
  type SecretView
} from '#shared/contracts/functions/secrets.ts'
import { HaifError } from '#shared/errors.ts'
import { askGateway, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { readText } from '../../ask/read-text.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'
import { TOPIC_KEY } from '../options/options.ts'

export function addSecretsCommand(program: Command): void {
  const secrets = program.command('secrets').description('what functions get as files')
  secrets
    .command('ls', { isDefault: true })
    .description('list secrets, and what gets them')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (options: CommonOptions) => {
      const found = await askGateway(gatewayListSecrets, {}, options)
      const rows = found.secrets.map(rowOf)
      const lines = rows.length === 0 ? ['no secrets'] : table(rows, screenOf(process.stdout), '')
      print(found, lines, options)
    })
  secrets
    .command('set <name>')
    .description('keep a secret, or change it; the value is piped in')
    .option('--file <file>', 'holds the value', '-')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (name: string, { file, ...options }: CommonOptions & { file: string }) => {
      const value = readText(file).replace(/\r?\n$/, '') // as echo and editors end it
      if (value.length < VALUE_CHARACTERS_MIN) {
        const message = `a secret has at least ${VALUE_CHARACTERS_MIN} characters: a shorter one could not be kept out of what functions print`
        throw new HaifError('VALIDATION_FAILED', message)
      }
      const kept = await askGateway(gatewaySetSecret, { name, value }, options)
      print(
        kept,
        [`${name} is kept; "haif secrets grant ${name} <owner/library>" gives it`],
        options
      )
    })
  secrets
    .command('rm <name>')
    .description('forget a secret')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (name: string, options: CommonOptions) => {
      const removed = await askGateway(gatewayRemoveSecret, { name }, options)
      print(removed, [`${name} is forgotten`], options)
    })
  secrets
    .command('grant <name> <object>')
    .description('give a secret to owner/library, or to owner/library/function')
    .option('--withdraw', 'take it away again')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (name: string, to: string, given: CommonOptions & { withdraw?: true }) => {
      const { withdraw = false, ...options } = given
      const changed = await askGateway(gatewayGrantSecret, { name, to, withdraw }, options)
      const what = withdraw ? 'does not get' : 'gets'
      print(changed, [`${to} ${what} ${name}`], options)
    })
}

const rowOf = ({ name, changedAt, grants }: SecretView): Cell[] => [
  { text: name, format: 'bold' },
  { text: `set ${shortTime(changedAt)}` },
  { text: grants.map(grantText).join(' ') }
]

const grantText = ({ owner, library, object }: SecretGrant): string =>
  [owner, library, object].filter((part) => part !== undefined).join('/')
