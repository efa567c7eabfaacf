/** `haif console`: opens the console of the mesh in a browser, or says where it is. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import type { Command } from 'commander'
import { HaifError } from '#shared/errors.ts'
import { askedUrl } from '../ask/http-models.ts'

const ASK_MS_MAX = 5000

interface ConsoleOptions {
  url?: string
  print?: true
}

export function addConsoleCommand(program: Command): void {
  program
    .command('console')
    .description('open the console: machines, models, requests, usage')
    .option('--url <url>', 'where HAIF answers over HTTP (HAIF_URL; http://127.0.0.1:8080)')
    .option('--print', 'print its address and open nothing')
    .action(async ({ url: given, print }: ConsoleOptions) => {
      const url = `${askedUrl(given, process.env)}/console`
      await assertThere(url)
      process.stdout.write(`${url}\n`)
      if (print !== true && process.stdout.isTTY) await open(url)
    })
}

async function assertThere(url: string): Promise<void> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(ASK_MS_MAX) }).catch(
    (error: unknown) => {
      throw new HaifError(
        'NO_PEER',
        `nothing answers at ${url}: start HAIF with "haif up", or say where it is with --url`,
        { cause: error }
      )
    }
  )
  await reply.body?.cancel()
  if (reply.ok) return
  throw new HaifError(
    'NOT_FOUND',
    `there is no console at ${url} (HTTP ${reply.status}): the HAIF there was built without its pages`
  )
}

/** Where there is no browser, as on a server, the printed address is all. */
async function open(url: string): Promise<void> {
  const [command, ...args] = opener(process.platform)
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true })
  child.unref()
  await Promise.race([once(child, 'spawn'), once(child, 'error')])
}

export const opener = (platform: NodeJS.Platform): [string, ...string[]] =>
  platform === 'darwin'
    ? ['open']
    : platform === 'win32'
      ? ['rundll32', 'url.dll,FileProtocolHandler']
      : ['xdg-open']
