/**
 * A chat in the terminal: what is typed is a question or a command, answers stream to stdout and
 * everything else goes to stderr, so that a pipe gets the answers alone.
 */
import { writeFile } from 'node:fs/promises'
import type { WriteStream } from 'node:tty'
import { gatewayModels, type ModelEntry } from '#shared/contracts/peers/peers.ts'
import type { Asked, InferenceRequest } from '#shared/contracts/inference/request.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext, type OwnedContext } from '#shared/rpc/context.ts'
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import { streamAnswer, write, type Answer } from '../ask/answer.ts'
import { samplingOf, type RequestOptions } from '../ask/request-options.ts'
import { renderModels } from '../screen/render-status.ts'
import { describeAnswerOptions, readAnswerOption } from './answer-options.ts'
import { CHAT_HELP, commandNamed, completionsFor, isCommand } from './chat-commands.ts'
import { Conversation } from './conversation.ts'
import { paint, printable, printableLine, screenOf, shortKey } from '../screen/terminal.ts'

const LIST_MS_MAX = 5000

interface ChatDeps {
  gateways: PeerPool
  options: RequestOptions
  stdout: WriteStream
  stderr: WriteStream
}

export class ChatSession {
  readonly #gateways: PeerPool
  #options: RequestOptions
  readonly #stdout: WriteStream
  readonly #stderr: WriteStream
  readonly #conversation: Conversation
  #model: string | undefined
  /** The model of the last notice or answer, so that a change of it is told. */
  #told: string | undefined
  #running: OwnedContext | null = null
  #explaining = false
  /** What was asked last, for `/retry`; undefined: nothing, or it is forgotten. */
  #question: string | undefined
  /** For completing a name, as far as they are known. */
  #names: string[] = []

  constructor({ gateways, options, stdout, stderr }: ChatDeps) {
    this.#gateways = gateways
    this.#options = options
    this.#stdout = stdout
    this.#stderr = stderr
    this.#conversation = new Conversation(options.system)
    this.#model = options.model
  }

  /** Says which model answers. */
  async greet(): Promise<void> {
    const models = await this.#models()
    const name = this.#model ?? defaultModel(models)
    if (name === undefined) this.#say('no model is ready yet; "haif status" shows what is loading')
    else this.#tell(name)
    this.#say('/help lists the commands')
  }

  /** One line of input; false when it was /exit. */
  async handle(line: string): Promise<boolean> {
    const text = line.trim()
    if (text === '') return true
    const [, word = '', argument = ''] = /^\/(\S*)\s*(.*)$/s.exec(text) ?? []
    const name = commandNamed(word)
    // Code of several lines may begin with a slash.
    if (!text.startsWith('/') || (text.includes('\n') && !isCommand(name))) {
      await this.#reporting(() => this.#ask(text))
      return true
    }
    if (name === 'exit') return false
    await this.#reporting(() => this.#obey(name, argument))
    return true
  }

  complete(line: string): [string[], string] {
    return completionsFor(line, this.#names)
  }

  /** Stops the answer that is being written; false when there is none. */
  stop(): boolean {
    if (this.#running === null) return false
    this.#running.abort(new HaifError('CANCELLED', 'stopped'))
    return true
  }

  async #obey(name: string, argument: string): Promise<void> {
    switch (name) {
      case 'model':
        return this.#switchTo(argument)
      case 'models':
        return this.#list(await this.#models())
      case 'system':
        return this.#system(argument)
      case 'set':
        return this.#set(argument)
      case 'retry':
        return this.#retry()
      case 'clear':
        this.#conversation.clear()
        this.#question = undefined
        return this.#say('the conversation is forgotten')
      case 'save':
        return this.#save(argument)
      case 'explain':
        this.#explaining = !this.#explaining
        return this.#say(
          `the choice of a worker is ${this.#explaining ? 'explained' : 'not explained any more'}`
        )
      case 'help':
        return this.#say(CHAT_HELP)
      default:
        return this.#say(`there is no /${printableLine(name)}; the commands are:\n${CHAT_HELP}`)
    }
  }

  #system(text: string): void {
    this.#conversation.system = text === '' ? undefined : text
    this.#say(text === '' ? 'no system text any more' : 'the model is told this first')
  }

  #set(argument: string): void {
    const [, name = '', value = ''] = /^(\S*)\s*(.*)$/s.exec(argument) ?? []
    if (name === 'system') return this.#system(value)
    const changes = name === '' ? {} : readAnswerOption(name, value)
    if (typeof changes === 'string') return this.#say(changes)
    this.#options = { ...this.#options, ...changes }
    this.#say(describeAnswerOptions(this.#options))
  }

  /** In place of the answer that it had. */
  async #retry(): Promise<void> {
    const question = this.#question
    if (question === undefined) return this.#say('nothing was asked yet')
    this.#conversation.retract(question)
    await this.#ask(question)
  }

  /** Never over a file that is there. */
  async #save(file: string): Promise<void> {
    if (file === '') return this.#say('where to? /save FILE')
    try {
      await writeFile(file, this.#conversation.toMarkdown(), { flag: 'wx' })
      this.#say(`the conversation is in ${printableLine(file)}`)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const reason = code === 'EEXIST' ? 'it exists already; choose another name' : message
      this.#say(`${printableLine(file)} cannot be written: ${printableLine(reason)}`)
    }
  }

  async #switchTo(name: string): Promise<void> {
    const models = await this.#models()
    if (models.some((model) => model.name === name)) {
      this.#model = name
      return this.#tell(name)
    }
    this.#say(name === '' ? 'which one? /model NAME' : `no worker has ${printableLine(name)} ready`)
    this.#list(models)
  }

  #list(models: readonly ModelEntry[]): void {
    this.#stderr.write(`${renderModels(models, screenOf(this.#stderr)).join('\n')}\n`)
  }

  async #models(): Promise<ModelEntry[]> {
    using context = createContext({ timeoutMs: LIST_MS_MAX })
    const { models } = await this.#gateways.call(gatewayModels, {}, context)
    this.#names = models.map(({ name }) => name)
    return models
  }

  async #ask(question: string): Promise<void> {
    using context = createContext({ timeoutMs: this.#options.timeout * 1000 })
    this.#running = context
    this.#question = question
    let shown = ''
    const show = async (text: string) => {
      shown += text
      const visible = this.#stdout.isTTY ? printable(text) : text
      await write(this.#stdout, visible, context.signal)
    }
    try {
      const answer = await streamAnswer(this.#gateways, this.#request(question), context, show)
      this.#stdout.write('\n')
      this.#conversation.keep(question, answer.text)
      if (answer.end.model !== this.#told) this.#tell(answer.end.model)
      this.#say(facts(answer))
      for (const { worker, reason } of answer.end.explanations ?? []) {
        this.#say(`worker ${shortKey(worker)}: ${printableLine(reason)}`)
      }
    } catch (error) {
      if (shown !== '') this.#stdout.write('\n')
      if (toHaifError(error).code !== 'CANCELLED') throw error
      if (shown !== '') this.#conversation.keep(question, shown)
      this.#say('stopped')
    } finally {
      this.#running = null
    }
  }

  #request(question: string): InferenceRequest {
    const { maxTokens, stop } = this.#options
    const asked: Asked = {
      input: { mode: 'chat', messages: this.#conversation.asking(question) },
      maxTokens,
      sampling: samplingOf(this.#options)
    }
    if (this.#model !== undefined) asked.model = this.#model
    if (stop !== undefined) asked.stop = stop
    return { asked, handling: this.#explaining ? { explain: true } : {}, charge: {} }
  }

  #tell(model: string): void {
    this.#told = model
    this.#say(`${printableLine(model)} answers`)
    if (model !== BUILTIN_NAME) return
    this.#say(
      `${BUILTIN_NAME} is the built-in model for install checks, not an assistant; see haif join --model`
    )
  }

  #say(text: string): void {
    this.#stderr.write(`${paint(screenOf(this.#stderr), 'dim', text)}\n`)
  }

  /** A failure is a sentence, and the chat goes on. */
  async #reporting(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const { message, code } = toHaifError(error)
      const text = paint(screenOf(this.#stderr), 'red', `${printableLine(message)} (${code})`)
      this.#stderr.write(`${text}\n`)
    }
  }
}

/** The one that the mesh takes for a request that names none. */
const defaultModel = (models: readonly ModelEntry[]): string | undefined =>
  models.find((model) => model.default === true)?.name

function facts({ end, firstTokenMs, totalMs }: Answer): string {
  const { completionTokens } = end.usage
  const seconds = (totalMs - firstTokenMs) / 1000
  const worker = end.workers?.at(-1)
  const parts = [
    `${completionTokens} token${completionTokens === 1 ? '' : 's'}`,
    // The first token is there when the clock starts.
    completionTokens > 1 && seconds > 0
      ? `${((completionTokens - 1) / seconds).toFixed(1)} tokens/s`
      : '',
    `first token after ${Math.round(firstTokenMs)} ms`,
    worker === undefined ? '' : `worker ${shortKey(worker)}`,
    (end.attempts ?? 1) > 1 ? `${end.attempts} attempts` : ''
  ]
  return parts.filter((part) => part !== '').join(', ')
}
