/**
 * One connection to the embedded database.
 *
 * PGlite has one session, which all connections share. What belongs together must not be torn apart
 * by another connection: the messages of one statement (parse, bind, execute, sync) go in as one,
 * and a transaction holds the session until it ends. The socket server that comes with PGlite
 * passes on message after message, so two connections replace each other's unnamed statements; see
 * decision 5.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  CANCEL_REQUEST,
  errorMessage,
  GSS_REQUEST,
  int32,
  message,
  MessageReader,
  READY,
  SSL_REQUEST,
  STARTUP,
  statement,
  type Message
} from './frames.ts'
import type { Reply } from './backend.ts'
import type { Turns } from '#shared/kit/turns.ts'

/** A client that has begun a transaction and says nothing more keeps everybody else out. */
const IDLE_IN_TRANSACTION_MS_MAX = 30_000

/** Messages after which an answer is due; others wait for one of these. */
const ENDS_OF_A_UNIT: ReadonlySet<string> = new Set([
  'Q', // a simple query
  'S', // sync
  'H', // flush
  'F', // a function call
  'c', // the end of a copy
  'f' // a copy that failed
])

const LISTEN = /^\s*listen\s+"?(\w+)"?/i
const UNLISTEN = /^\s*unlisten\s+"?(\w+|\*)"?/i

interface SessionDeps {
  socket: Socket
  password: string
  turns: Turns
  ask: (bytes: Buffer) => Promise<Reply>
  onNotices: (notices: Reply['notices']) => void
}

export class Session {
  readonly channels = new Set<string>() // as many as the client listens to
  readonly #deps: SessionDeps
  readonly #reader = new MessageReader()

  constructor(deps: SessionDeps) {
    this.#deps = deps
  }

  /** Serves the client until it leaves or breaks the protocol. Never rejects. */
  async run(): Promise<void> {
    const { socket, turns, ask } = this.#deps
    socket.setNoDelay(true)
    socket.setTimeout(0)
    socket.on('timeout', () => socket.destroy())
    try {
      const messages = this.#messages()
      if (await this.#start(messages)) await this.#serve(messages)
    } catch {
      // The socket broke, or what came is not the protocol: either way it is over.
    } finally {
      if (turns.holds(this)) {
        await ask(statement('rollback')).catch(() => {}) // the database is gone, and says so itself
        turns.give()
      }
      socket.destroy()
    }
  }

  tell(bytes: Buffer): void {
    if (this.#deps.socket.writable) this.#deps.socket.write(bytes)
  }

  async *#messages(): AsyncGenerator<Message, void, void> {
    let isStarted = false
    for await (const chunk of this.#deps.socket) {
      this.#reader.push(chunk as Buffer)
      for (;;) {
        const next = this.#reader.next(isStarted)
        if (next === null) break
        isStarted ||= next.body.readInt32BE(0) === STARTUP
        yield next
      }
    }
  }

  /** Returns false when the client may not go on. */
  async #start(messages: AsyncGenerator<Message, void, void>): Promise<boolean> {
    const { socket, password } = this.#deps
    for (;;) {
      const { value: first } = await messages.next()
      if (first === undefined) return false
      const code = first.body.readInt32BE(0)
      if (code === STARTUP) break
      if (code === CANCEL_REQUEST) return false // nothing runs beside what is asked
      if (code !== SSL_REQUEST && code !== GSS_REQUEST) return false
      socket.write('N')
    }
    socket.write(message('R', int32(3))) // a password in clear text, over loopback
    const { value: answer } = await messages.next()
    const given = answer?.body.subarray(0, -1) ?? Buffer.alloc(0)
    const expected = Buffer.from(password)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      socket.end(errorMessage('FATAL', '28P01', 'the password is wrong'))
      return false
    }
    socket.write(
      Buffer.concat([
        message('R', int32(0)),
        message('S', 'server_version', '18.0'),
        message('S', 'client_encoding', 'UTF8'),
        message('S', 'standard_conforming_strings', 'on'),
        READY
      ])
    )
    return true
  }

  async #serve(messages: AsyncGenerator<Message, void, void>): Promise<void> {
    let unit: Buffer[] = []
    for await (const { type, bytes, body } of messages) {
      if (type === 'X') return
      unit.push(type === 'Q' ? this.#noted(bytes, body) : bytes)
      if (!ENDS_OF_A_UNIT.has(type)) continue
      await this.#answer(Buffer.concat(unit))
      unit = []
    }
  }

  async #answer(unit: Buffer): Promise<void> {
    const { socket, turns, ask, onNotices } = this.#deps
    await turns.take(this)
    const { bytes, isHeld, notices } = await ask(unit)
    if (!isHeld) turns.give()
    socket.setTimeout(isHeld ? IDLE_IN_TRANSACTION_MS_MAX : 0)
    // Ours first: a client that notifies itself hears of it after the answer, as from any server.
    this.tell(bytes)
    onNotices(notices)
  }

  /** Keeps the channels of this client, because the database knows only one session. */
  #noted(bytes: Buffer, body: Buffer): Buffer {
    const sql = body.toString('utf8', 0, Math.min(body.length - 1, 256))
    const listened = LISTEN.exec(sql)?.[1]
    if (listened !== undefined) this.channels.add(listened)
    const unlistened = UNLISTEN.exec(sql)?.[1]
    if (unlistened === undefined) return bytes
    if (unlistened === '*') this.channels.clear()
    else this.channels.delete(unlistened)
    return statement('') // others may listen to it
  }
}
