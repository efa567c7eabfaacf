/** `haif infer`: one prompt, its answer on stdout and nothing else; made for pipes. */
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import type { Command } from 'commander'
import type { Environment } from '#shared/process/config.ts'
import { doneEvent, roundedMs } from '#shared/contracts/http/done-event.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type {
  Asked,
  InferenceInput,
  InferenceRequest
} from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { streamAnswer, write, type Answer } from '../ask/answer.ts'
import { openClient } from '../ask/client.ts'
import { readPrompt } from '../ask/prompt.ts'
import { addRequestOptions, samplingOf, type RequestOptions } from '../ask/request-options.ts'
import { cancelled, listenForEnd } from '../screen/ending.ts'
import { printable } from '../screen/terminal.ts'

interface InferOptions extends RequestOptions {
  direct?: true
  json?: true
}

export function addInferCommand(program: Command): void {
  const command = program
    .command('infer')
    .description('ask once; the answer streams to the terminal, or into a pipe')
    .argument('[prompt...]', 'the question; what is piped in follows it, or takes its place')
  addRequestOptions(command)
    .option('--direct', 'send the prompt as it is, without the chat template of the model')
    .option('--json', 'print one JSON object at the end instead of the answer as it comes')
    .action((words: string[], options: InferOptions) => infer(words, options, process.env))
}

/** `words`: of the prompt, which a shell has taken apart. */
export async function infer(
  words: readonly string[],
  options: InferOptions,
  env: Environment
): Promise<void> {
  using ending = listenForEnd()
  const { signal } = ending
  const requestId = randomUUID()
  try {
    const request = requestOf(await readPrompt(words.join(' '), process.stdin), options)
    using context = createContext({ requestId, timeoutMs: options.timeout * 1000 })
    signal.addEventListener('abort', () => context.abort(cancelled()))
    const { topicKey } = options
    await using client = await openClient({ role: 'gateway', topicKey, env, signal })
    const show = options.json === true ? () => {} : showOn(process.stdout, signal)
    const answer = await streamAnswer(client.peers, request, context, show)
    await write(process.stdout, closing(answer, request, options, requestId), signal)
  } catch (error) {
    if (!signal.aborted) throw withRequestId(error, requestId)
    process.exitCode = ending.exitCode
  }
}

function requestOf(prompt: string, options: InferOptions): InferenceRequest {
  const { model, maxTokens, stop } = options
  const asked: Asked = {
    input: inputOf(prompt, options),
    maxTokens,
    sampling: samplingOf(options)
  }
  if (model !== undefined) asked.model = model
  if (stop !== undefined) asked.stop = stop
  return { asked, handling: {}, charge: {} }
}

function inputOf(prompt: string, { system, direct }: InferOptions): InferenceInput {
  if (direct === true) {
    if (system === undefined) return { mode: 'direct', prompt }
    throw new HaifError(
      'VALIDATION_FAILED',
      '--direct sends the prompt alone, so --system cannot be used with it; leave one of them out'
    )
  }
  const messages: ChatMessage[] = [{ role: 'user', content: prompt }]
  if (system !== undefined) messages.unshift({ role: 'system', content: system })
  return { mode: 'chat', messages }
}

function showOn(stdout: NodeJS.WriteStream, signal: AbortSignal) {
  return (text: string) => write(stdout, stdout.isTTY ? printable(text) : text, signal)
}

/** Ends the output: a line end where the answer lacks one, or with `--json` everything. */
function closing(
  { text, end, firstTokenMs, totalMs }: Answer,
  request: InferenceRequest,
  { json }: InferOptions,
  requestId: string
): string {
  if (json !== true) return text.endsWith('\n') ? '' : '\n'
  const mode = request.asked.input.mode === 'direct' ? 'direct' : 'chat'
  const { maxTokens } = request.asked
  const { timings, worker = null, ...summary } = doneEvent({ maxTokens, mode, end, requestId })
  const clientTimings = { first_token_ms: roundedMs(firstTokenMs), total_ms: roundedMs(totalMs) }
  const reply = { output: text, ...summary, worker, timings: { ...timings, ...clientTimings } }
  return `${JSON.stringify(reply)}\n`
}

/** The message of INTERNAL stays in the log of the peer, where it is found by the request id. */
function withRequestId(error: unknown, requestId: string): unknown {
  if (!(error instanceof HaifError) || error.code !== 'INTERNAL') return error
  return new HaifError('INTERNAL', `${error.message}; request id ${requestId}`, { cause: error })
}
