/** `haif launch PROGRAM`: starts a program that somebody else wrote, so that it asks this mesh. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import type { Command } from 'commander'
import { readSecret, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { askedUrl, chooseModel, readModels } from '../ask/http-models.ts'
import { PROGRAMS } from '../ask/programs.ts'

interface LaunchOptions {
  url?: string
  model?: string
  print?: true
}

/** Stands for a token where none is needed. */
const ANY_TOKEN = 'haif'

export function addLaunchCommand(program: Command): void {
  program
    .command('launch')
    .description('start a coding agent so that it asks this mesh')
    .argument('<program>', [...PROGRAMS.keys()].join(', '))
    .argument('[args...]', 'arguments of the program, after --')
    .option('--url <url>', 'where HAIF answers over HTTP (HAIF_URL; http://127.0.0.1:8080)')
    .option('--model <name>', 'the model to use; the first that the mesh has ready')
    .option('--print', 'print what would be set and started, and start nothing')
    .addHelpText(
      'after',
      '\nA token is taken from HAIF_TOKEN.\nExample: haif launch claude -- -p "hi"'
    )
    .action((name: string, args: string[], options: LaunchOptions) =>
      launch(name, args, options, process.env)
    )
}

async function launch(
  name: string,
  args: readonly string[],
  options: LaunchOptions,
  env: Environment
): Promise<void> {
  const program = PROGRAMS.get(name)
  if (program === undefined) {
    throw new HaifError(
      'VALIDATION_FAILED',
      `haif launch does not know ${name}: it knows ${[...PROGRAMS.keys()].join(', ')}; ` +
        'docs/clients.md says what to set in others'
    )
  }
  const url = askedUrl(options.url, env)
  const token = readSecret(env, 'HAIF_TOKEN') ?? undefined
  const models = await readModels(url, token)
  const model = chooseModel(models, options.model)
  const { context_length: contextTokens = 0 } = models.find(({ id }) => id === model) ?? {}
  const made = program.launch({ url, model, contextTokens, token: token ?? ANY_TOKEN })
  const argv = [...made.args, ...args]
  if (options.print === true) {
    process.stdout.write(shown(made.env, [program.command, ...argv]))
    return
  }
  process.exitCode = await run(program, argv, { ...env, ...made.env })
}

async function run(
  { command, install }: { command: string; install: string },
  args: readonly string[],
  env: Environment
): Promise<number> {
  // The program has the terminal: what is typed, Ctrl-C too, is for it.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  const child = spawn(command, args, { stdio: 'inherit', env })
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    return code ?? (signal === 'SIGINT' ? 130 : 1)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new HaifError('NOT_FOUND', `${command} is not installed here: ${install}`)
  } finally {
    process.off('SIGINT', ignore)
  }
}

/** Lines that a shell takes. */
function shown(env: Record<string, string | undefined>, argv: readonly string[]): string {
  const lines = Object.entries(env).map(([name, value]) =>
    value === undefined ? `unset ${name}` : `export ${name}=${quoted(value)}`
  )
  return `${[...lines, argv.map(quoted).join(' ')].join('\n')}\n`
}

const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
