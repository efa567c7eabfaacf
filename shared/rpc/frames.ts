/**
 * What travels on the stream channel: batches of frames (SPEC.md, "Frames").
 *
 * A batch is one protomux message of our own rather than a corked group of messages, because
 * protomux corks the receiver's whole connection while it works through a corked group, and every
 * RPC reply would wait for it.
 */
import c, { type State } from 'compact-encoding'
import { HaifError } from '#shared/errors.ts'

export const FrameType = {
  open: 0,
  credit: 1,
  cancel: 2,
  item: 3,
  end: 4,
  error: 5
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

export interface Frame {
  type: FrameType
  /** Chosen by the side that opens the stream; the two directions count separately. */
  id: number
  /** JSON; empty in a `credit` frame. */
  body: string
  /** Characters that the receiver allows; 0 in every other frame. */
  credit: number
}

export const FRAMES_PER_BATCH_MAX = 4096
/** One item, request or end. In UTF-8 still under the 16 MiB that the transport can carry at once. */
export const FRAME_CHARACTERS_MAX = 4 * 1024 * 1024

/** Throws when the value is no JSON, or too much of it. Absent is null, as in a call. */
export function jsonFrame(type: FrameType, id: number, value: unknown): Frame {
  const body = JSON.stringify(value) ?? 'null'
  if (body.length > FRAME_CHARACTERS_MAX) {
    throw new HaifError('BODY_TOO_LARGE', `over ${FRAME_CHARACTERS_MAX} characters at once`)
  }
  return { type, id, body, credit: 0 }
}

export const frameBatch = {
  preencode(state: State, frames: Frame[]): void {
    for (const { type, id, body, credit } of frames) {
      c.uint.preencode(state, type)
      c.uint.preencode(state, id)
      if (type === FrameType.credit) c.uint.preencode(state, credit)
      else c.string.preencode(state, body)
    }
  },
  encode(state: State, frames: Frame[]): void {
    for (const { type, id, body, credit } of frames) {
      c.uint.encode(state, type)
      c.uint.encode(state, id)
      if (type === FrameType.credit) c.uint.encode(state, credit)
      else c.string.encode(state, body)
    }
  },
  decode(state: State): Frame[] {
    const frames: Frame[] = []
    while (state.start < state.end) {
      if (frames.length >= FRAMES_PER_BATCH_MAX) throw new Error('too many frames in a batch')
      const type = c.uint.decode(state)
      if (type > FrameType.error) throw new Error(`unknown frame type ${type}`)
      const id = c.uint.decode(state)
      const isCredit = type === FrameType.credit
      const credit = isCredit ? c.uint.decode(state) : 0
      const body = isCredit ? '' : c.string.decode(state)
      if (body.length > FRAME_CHARACTERS_MAX) throw new Error('a frame is too large')
      frames.push({ type: type as FrameType, id, body, credit })
    }
    return frames
  }
}

/** What an item costs of the receiver's window. Its length in characters: cheap, and near its bytes. */
export const costOf = (frame: Frame): number => Math.max(1, frame.body.length)
