/**
 * When a connection goes over TLS: last. Where the network lets no UDP through, the other ways take
 * seconds to fail, so the last one begins beside them as soon as UDP is silent.
 */
import { isRefusal } from '../../diagnosis/diagnose.ts'

/**
 * Nobody has answered over UDP for so long: the network may block it. Where nobody ever has, it is
 * taken for that sooner.
 */
const SILENCE_MS = 700
const FIRST_SILENCE_MS = 200

interface LastWayOptions<T> {
  /** Over TLS. */
  last: () => Promise<T>
  /** Packets that were received over UDP until now. */
  received: () => number
  /** True: UDP has been silent before, so that it is not waited for again. */
  isKnownSilent?: boolean
  /** Called with a result that came too late. */
  drop: (late: T) => void
}

/** The result of `usual`, or of `last` where `usual` fails or is silent. */
export async function withLastWay<T>(usual: Promise<T>, options: LastWayOptions<T>): Promise<T> {
  const { last, received, drop, isKnownSilent = false } = options
  const before = received()
  const isSilent = await Promise.race([
    settled(usual),
    silence(
      isKnownSilent ? 0 : before === 0 ? FIRST_SILENCE_MS : SILENCE_MS,
      () => received() > before
    )
  ])
  if (!isSilent) {
    try {
      return await usual
    } catch (error) {
      // A peer that has answered and said no says the same over TLS.
      if (isRefusal((error as { code?: string }).code ?? '')) throw error
      return last().catch(() => {
        throw error
      })
    }
  }
  return firstOf(usual, last(), drop)
}

async function settled(usual: Promise<unknown>): Promise<false> {
  await usual.catch(() => {})
  return false
}

async function silence(ms: number, hasReceived: () => boolean): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, ms))
  // With an answer on its way the usual way goes on, and its end is waited for.
  return hasReceived() ? new Promise(() => {}) : true
}

/** The one that comes later is dropped. When both fail, the usual way says why. */
async function firstOf<T>(
  usual: Promise<T>,
  last: Promise<T>,
  drop: (late: T) => void
): Promise<T> {
  let won = false
  const claim = async (way: Promise<T>): Promise<T> => {
    const result = await way
    if (won) drop(result)
    won = true
    return result
  }
  try {
    return await Promise.any([claim(usual), claim(last)])
  } catch (error) {
    throw (error as AggregateError).errors[0]
  }
}
