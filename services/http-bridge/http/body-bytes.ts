/**
 * Reads the bytes of a body within bounds that depend on who sends it: a stranger may not make the
 * bridge hold much, and agents send long chats, with images that only their past has. So a little
 * is read of anyone; for more, the token is looked at; for much, there has to be one.
 */
import type { Readable } from 'node:stream'
import { HaifError } from '#shared/errors.ts'

/** Before the token is looked at: most chats fit. */
const STRANGER_BODY_BYTES_MAX = 64 * 1024
const BODY_BYTES_MAX = 1024 * 1024
const KNOWN_BODY_BYTES_MAX = 32 * 1024 * 1024
/** Large bodies that are read at the same time: 512 MiB together. */
const LARGE_BODIES_MAX = 16
/** All bodies of strangers that are being read, and all others that are not large. */
const STRANGERS_BYTES_MAX = 32 * 1024 * 1024
const BODIES_BYTES_MAX = 256 * 1024 * 1024
const RETRY_MS = 1000
/** The time for a stranger to send a body, or so much of it that the token is looked at. */
const STRANGER_MS_MAX = 15_000

/** Finds out who sends a body: true where it may be large. Throws where nothing may be sent. */
type AskWho = () => Promise<boolean>

/** Who sends a body, as far as its size depends on it. */
type Sender = 'stranger' | 'known' | 'large'

export class BodyBytes {
  #large = 0
  readonly #held = { stranger: 0, known: 0 }

  /**
   * `length` is what the client says, if it does. A body that is over a bound is not taken any
   * further, but neither is its connection closed: a client that still sends would see a reset
   * instead of the reply.
   */
  async read(body: Readable, length: number | undefined, askWho: AskWho): Promise<Buffer> {
    if (length !== undefined && length > KNOWN_BODY_BYTES_MAX) throw bodyTooLarge()
    using place = this.#place(askWho)
    if (length !== undefined && length > STRANGER_BODY_BYTES_MAX) await place.growTo(length)
    return await gather(body, place)
  }

  /** What one body holds of the bounds for all of them. */
  #place(askWho: AskWho) {
    let sender: Sender = 'stranger'
    let mayBeLarge = false
    let held = 0
    const hold = (bytes: number): void => {
      if (sender === 'large') return
      this.#held[sender] += bytes
      held += bytes
    }
    const become = (next: Sender): void => {
      const before = held
      hold(-before)
      sender = next
      hold(before)
      if (next !== 'large') return
      if (this.#large >= LARGE_BODIES_MAX) {
        sender = 'known'
        throw tooManyLarge()
      }
      this.#large++
    }
    return {
      get sender() {
        return sender
      },
      get bytesMax() {
        return BYTES_MAX[sender]
      },
      /** Throws when bodies of this kind hold too much together. */
      add: (bytes: number): void => {
        hold(bytes)
        if (this.#held.stranger > STRANGERS_BYTES_MAX) throw tooManyBodies()
        if (this.#held.known > BODIES_BYTES_MAX) throw tooManyBodies()
      },
      growTo: async (bytes: number): Promise<void> => {
        if (sender === 'stranger') {
          mayBeLarge = await askWho()
          become('known')
        }
        if (bytes <= BODY_BYTES_MAX) return
        if (!mayBeLarge) throw bodyTooLarge(BODY_BYTES_MAX)
        become('large')
      },
      [Symbol.dispose]: (): void => {
        hold(-held)
        if (sender === 'large') this.#large--
      }
    }
  }
}

const BYTES_MAX: Record<Sender, number> = {
  stranger: STRANGER_BODY_BYTES_MAX,
  known: BODY_BYTES_MAX,
  large: KNOWN_BODY_BYTES_MAX
}

interface Place {
  readonly sender: Sender
  readonly bytesMax: number
  add(bytes: number): void
  growTo(bytes: number): Promise<void>
}

function gather(body: Readable, place: Place): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  const slow = setTimeout(() => {
    if (place.sender === 'stranger') fail(tooSlow())
  }, STRANGER_MS_MAX)
  const settle = (finish: () => void) => {
    clearTimeout(slow)
    body.off('data', onData).off('end', onEnd).off('error', fail).off('close', onClose)
    body.resume() // what is left of it is dropped
    finish()
  }
  const fail = (error: unknown) => settle(() => reject(error))
  const onEnd = () => settle(() => resolve(Buffer.concat(chunks)))
  const onClose = () => fail(new HaifError('CANCELLED', 'the client went away'))
  const onData = (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    try {
      place.add(chunk.length)
    } catch (error) {
      return fail(error)
    }
    if (size > KNOWN_BODY_BYTES_MAX) return fail(bodyTooLarge())
    if (size <= place.bytesMax) return
    body.pause()
    place.growTo(size).then(() => body.resume(), fail)
  }
  body.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose)
  return promise
}

export const bodyTooLarge = (bytesMax = KNOWN_BODY_BYTES_MAX): HaifError =>
  new HaifError(
    'BODY_TOO_LARGE',
    `the body is over ${bytesMax / 1024} KiB` +
      (bytesMax < KNOWN_BODY_BYTES_MAX ? ', which is the most without a token' : '')
  )

const tooManyLarge = (): HaifError =>
  new HaifError('STREAM_LIMIT', `${LARGE_BODIES_MAX} large bodies are being read: try again`, {
    retryAfterMs: RETRY_MS
  })

const tooManyBodies = (): HaifError =>
  new HaifError('STREAM_LIMIT', 'too many bodies are being read: try again', {
    retryAfterMs: RETRY_MS
  })

const tooSlow = (): HaifError =>
  new HaifError('VALIDATION_FAILED', `the body did not come within ${STRANGER_MS_MAX / 1000} s`)
