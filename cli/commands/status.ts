/** `haif status`: who is in the mesh, what it can run, and how busy it is. */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Environment } from '#shared/process/config.ts'
import { toHaifError } from '#shared/errors.ts'
import { readRegistry } from '#shared/mesh/read-registry.ts'
import { createContext } from '#shared/rpc/context.ts'
import { openClient, type Client } from '../ask/client.ts'
import { renderStatus, type MeshStatus } from '../screen/render-status.ts'
import { screenOf } from '../screen/terminal.ts'

const ANSWER_MS_MAX = 5000
const WATCH_MS = 1000

interface StatusOptions {
  watch?: true
  json?: true
  topicKey?: string
}

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show peers, models and load')
    .option('--watch', 'show it again each second, until Ctrl-C')
    .option('--json', 'print JSON; with --watch one line a second')
    .option('--topic-key <key>', 'the mesh (HAIF_TOPIC_KEY; default: the last one used here)')
    .action((options: StatusOptions) => status(options, process.env))
}

async function status(options: StatusOptions, env: Environment): Promise<void> {
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  process.stdout.once('error', () => interrupt.abort()) // nobody reads any more
  const { signal } = interrupt
  try {
    await using client = await openClient({
      role: 'registry',
      topicKey: options.topicKey,
      env,
      signal
    })
    if (options.watch === true) await watch(client, options, signal)
    else process.stdout.write(textOf(await readStatus(client), options))
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function readStatus({ peers, key, reach }: Client): Promise<MeshStatus> {
  using context = createContext({ timeoutMs: ANSWER_MS_MAX })
  const snapshot = await readRegistry(peers, context, { links: true })
  return { reach, ...snapshot, peers: snapshot.peers.filter((peer) => peer.key !== key) }
}

function textOf(meshStatus: MeshStatus, { json }: StatusOptions): string {
  return json === true
    ? `${JSON.stringify(meshStatus)}\n`
    : renderStatus(meshStatus, screenOf(process.stdout))
}

async function watch(client: Client, options: StatusOptions, signal: AbortSignal): Promise<void> {
  const repaints = process.stdout.isTTY && options.json !== true
  while (!signal.aborted) {
    const text = await textNow(client, options)
    process.stdout.write(repaints ? repainted(text, process.stdout.rows) : text)
    await sleep(WATCH_MS, undefined, { signal })
  }
}

/** While the registry is away the watch goes on; it may come back. */
async function textNow(client: Client, options: StatusOptions): Promise<string> {
  try {
    return textOf(await readStatus(client), options)
  } catch (error) {
    const { message, code } = toHaifError(error)
    return options.json === true
      ? `${JSON.stringify({ error: { code, message } })}\n`
      : `${message} (${code}); still trying …\n`
  }
}

/** From the top left corner, over what was there, without the flicker of an empty screen. */
function repainted(text: string, rows: number): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .slice(0, rows > 0 ? rows - 1 : undefined)
  return `\u001B[H${lines.map((line) => `${line}\u001B[K\n`).join('')}\u001B[J`
}
