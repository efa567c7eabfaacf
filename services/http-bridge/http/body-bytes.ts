/**
 * Reads the bytes of a body within a bound that depends on who sends it: a stranger may not make
 * the bridge hold much, and agents send long chats, with images that only their past has.
 */
import type { Readable } from 'node:stream'
import { HaifError } from '#shared/errors.ts'

export const BODY_BYTES_MAX = 1024 * 1024
const KNOWN_BODY_BYTES_MAX = 32 * 1024 * 1024
/** Large bodies that are read at the same time: 512 MiB together. */
const LARGE_BODIES_MAX = 16
const RETRY_MS = 1000

/** Resolves for a caller who may send a large body, and rejects with the reason otherwise. */
type AskMore = () => Promise<void>

export class BodyBytes {
  #large = 0

  /**
   * `length` is what the client says, if it does. A body that is over a bound is not taken any
   * further, but neither is its connection closed: a client that still sends would see a reset
   * instead of the reply.
   */
  async read(body: Readable, length: number | undefined, askMore: AskMore): Promise<Buffer> {
    if (length !== undefined && length > KNOWN_BODY_BYTES_MAX) throw bodyTooLarge()
    using large = this.#largeBody()
    const enlarge = async () => {
      await askMore()
      large.enter()
    }
    if (length !== undefined && length > BODY_BYTES_MAX) await enlarge()
    return await gather(body, large, enlarge)
  }

  #largeBody() {
    let entered = false
    return {
      get entered() {
        return entered
      },
      enter: () => {
        if (this.#large >= LARGE_BODIES_MAX) throw tooManyLarge()
        this.#large++
        entered = true
      },
      [Symbol.dispose]: () => {
        if (entered) this.#large--
      }
    }
  }
}

function gather(
  body: Readable,
  large: { readonly entered: boolean },
  enlarge: () => Promise<void>
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  const settle = (finish: () => void) => {
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
    if (size > KNOWN_BODY_BYTES_MAX) return fail(bodyTooLarge())
    if (size <= BODY_BYTES_MAX || large.entered) return
    body.pause()
    enlarge().then(() => body.resume(), fail)
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
