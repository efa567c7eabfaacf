/** `haif chat`: a conversation in the terminal, or one line of a pipe after the other. */
import process from 'node:process'
import type { Command } from 'commander'
import type { Environment } from '#shared/process/config.ts'
import { Home } from '#shared/main/home.ts'
import { openClient } from '../ask/client.ts'
import { Blocks } from '../chat/blocks.ts'
import { ChatSession } from '../chat/chat-session.ts'
import { ChatHistory } from '../chat/history.ts'
import { lineSource } from '../chat/line-source.ts'
import { addRequestOptions, type RequestOptions } from '../ask/request-options.ts'
import { INTERRUPTED_EXIT_CODE, PIPE_CLOSED_EXIT_CODE } from '../screen/terminal.ts'

const PROMPT = '> '
/** Within `"""`. */
const GOES_ON = '. '

export function addChatCommand(program: Command): void {
  const command = program.command('chat').description('talk with a model in the terminal')
  addRequestOptions(command.argument('[question...]', 'asked first')).action(
    (words: string[], options: RequestOptions) => chat(words, options, process.env)
  )
}

/** `words`: of the first question; none where there is none. */
export async function chat(
  words: readonly string[],
  options: RequestOptions,
  env: Environment
): Promise<void> {
  const { stdin, stdout, stderr } = process
  const leaving = new AbortController()
  const { signal } = leaving
  let session: ChatSession | null = null
  const leave = (exitCode: number) => {
    if (signal.aborted) process.exit(exitCode)
    process.exitCode = exitCode
    leaving.abort()
    session?.stop()
    stdin.destroy()
  }
  process.on('SIGINT', () => {
    if (session?.stop() !== true) leave(INTERRUPTED_EXIT_CODE)
  })
  stdout.once('error', () => leave(PIPE_CLOSED_EXIT_CODE))
  try {
    const { topicKey } = options
    await using client = await openClient({ role: 'gateway', topicKey, env, signal })
    session = new ChatSession({ gateways: client.peers, options, stdout, stderr })
    await session.greet()
    await session.handle(words.join(' '))
    const history = new ChatHistory(new Home(env).chatHistory)
    await converse(session, history, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function converse(
  session: ChatSession,
  history: ChatHistory,
  signal: AbortSignal
): Promise<void> {
  const lines = lineSource(
    process.stdin,
    {
      output: process.stderr,
      history: process.stdin.isTTY ? history.read() : [],
      onEntered: (shown) => history.add(shown),
      completer: (line: string) => session.complete(line)
    },
    signal
  )
  const blocks = new Blocks()
  let interrupted = false
  while (!signal.aborted) {
    const line = await lines.next(blocks.isOpen ? GOES_ON : PROMPT)
    if (line.kind === 'end') return
    if (line.kind === 'interrupted') {
      if (interrupted && !blocks.isOpen) return
      blocks.cancel()
      process.stderr.write('Ctrl-C again, Ctrl-D or /exit leaves\n')
    } else {
      const text = blocks.read(line.text)
      if (text !== null && !(await session.handle(text))) return
    }
    interrupted = line.kind === 'interrupted'
  }
}
