/** `haif settings`: what can be changed while the mesh runs; docs/settings.md has all others. */
import process from 'node:process'
import { type Command } from 'commander'
import {
  LiveSettingValues,
  type PatchSettings,
  type SettingView
} from '#shared/contracts/http/admin/settings.ts'
import { patchSettings, readSettings } from '#shared/contracts/peers/operating.ts'
import { HaifError } from '#shared/errors.ts'
import { nearName } from '#shared/kit/near-name.ts'
import { askGateway, line, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'
import { TOPIC_KEY } from '../options/options.ts'

export function addSettingsCommand(program: Command): void {
  const settings = program
    .command('settings')
    .description('list settings that change while the mesh runs')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (options: CommonOptions) => {
      const found = await askGateway(readSettings, {}, options)
      print(found, rows(found.settings), options)
    })
  settings
    .command('set <name> [value]')
    .description('change one at once; without a value it is as the environment says')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(
      async (name: string, value: string | undefined, _options: unknown, command: Command) => {
        const options: CommonOptions = command.optsWithGlobals()
        const changed = await askGateway(patchSettings, patchOf(name, value), options)
        const shown = changed.settings.filter((each) => each.name === name.replaceAll('-', '_'))
        print(changed, rows(shown), options)
      }
    )
}

const camel = (name: string): string =>
  name.replaceAll(/[_-]([a-z])/g, (_sign, letter: string) => letter.toUpperCase())

const NAMES = Object.keys(LiveSettingValues.properties)

/** Numbers are numbers; whether a value is one that can be used, the gateway says. */
export function patchOf(name: string, value: string | undefined): PatchSettings {
  const known = NAMES.find((each) => each === camel(name))
  if (known === undefined) {
    const near = nearName(camel(name), NAMES)
    const guess = near === undefined ? '' : `; did you mean ${snake(near)}?`
    throw new HaifError(
      'VALIDATION_FAILED',
      `${name} does not change while the mesh runs; these do: ${NAMES.map(snake).join(', ')}${guess}`
    )
  }
  const read = value === undefined ? null : /^\d+$/.test(value) ? Number(value) : value
  return { [known]: known === 'defaultModel' && value !== undefined ? value : read }
}

const snake = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const rows = (settings: readonly SettingView[]): string[] =>
  table(settings.map(cells), screenOf(process.stdout), '')

function cells({ name, value, source, meaning, setBy, setAt }: SettingView): Cell[] {
  const who = setAt === undefined ? '' : `since ${shortTime(setAt)} by ${line(setBy ?? '')}`
  return [
    { text: name, format: 'bold' },
    { text: value === undefined ? '–' : line(String(value)) },
    { text: source === 'kept' ? who : source },
    { text: meaning, format: 'dim' }
  ]
}
