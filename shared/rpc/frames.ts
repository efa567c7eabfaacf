/**
 * The stream channel carries batches of frames (SPEC.md, "Frames").
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
  items: 3,
  end: 4,
  error: 5
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

export interface Frame {
  type: FrameType
  /** Chosen by the side that opens the stream; the two directions count separately. */
  id: number
  /** JSON; empty in frames of `credit` and `items`. */
  body: string
  /** Characters that the receiver allows; 0 in every other frame. */
  credit: number
  /** The items' bytes; empty in every other frame. */
  bytes: Uint8Array
}

const NO_BYTES = new Uint8Array()

export const FRAMES_PER_BATCH_MAX = 4096
/**
 * One item, request or end. In UTF-8 still under the 16 MiB that the transport can carry at once.
 */
export const FRAME_CHARACTERS_MAX = 4 * 1024 * 1024
/** One item. It shares a frame with others only while the frame is short. */
export const ITEM_BYTES_MAX = 4 * 1024 * 1024
const ITEMS_BYTES_MAX = 2 * ITEM_BYTES_MAX

/** Throws when the value is no JSON, or too much of it. Absent is null, as in a call. */
export function jsonFrame(type: FrameType, id: number, value: unknown): Frame {
  const body = JSON.stringify(value) ?? 'null'
  if (body.length > FRAME_CHARACTERS_MAX) {
    throw new HaifError('BODY_TOO_LARGE', `over ${FRAME_CHARACTERS_MAX} characters at once`)
  }
  return { type, id, body, credit: 0, bytes: NO_BYTES }
}

export const creditFrame = (id: number, credit: number): Frame => ({
  type: FrameType.credit,
  id,
  body: '',
  credit,
  bytes: NO_BYTES
})

export const itemsFrame = (id: number, bytes: Uint8Array): Frame => ({
  type: FrameType.items,
  id,
  body: '',
  credit: 0,
  bytes
})

export const frameBatch = {
  preencode(state: State, frames: Frame[]): void {
    for (const { type, id, body, credit, bytes } of frames) {
      c.uint.preencode(state, type)
      c.uint.preencode(state, id)
      if (type === FrameType.credit) c.uint.preencode(state, credit)
      else if (type === FrameType.items) c.uint8array.preencode(state, bytes)
      else c.string.preencode(state, body)
    }
  },
  encode(state: State, frames: Frame[]): void {
    for (const { type, id, body, credit, bytes } of frames) {
      c.uint.encode(state, type)
      c.uint.encode(state, id)
      if (type === FrameType.credit) c.uint.encode(state, credit)
      else if (type === FrameType.items) c.uint8array.encode(state, bytes)
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
      frames.push(decodeFrame(type as FrameType, id, state))
    }
    return frames
  }
}

function decodeFrame(type: FrameType, id: number, state: State): Frame {
  if (type === FrameType.credit) return creditFrame(id, c.uint.decode(state))
  if (type === FrameType.items) {
    const bytes = c.uint8array.decode(state)
    if (bytes.length > ITEMS_BYTES_MAX) throw new Error('a frame is too large')
    // A copy: a view of some bytes would keep the whole message.
    return itemsFrame(id, Buffer.from(bytes))
  }
  const body = c.string.decode(state)
  if (body.length > FRAME_CHARACTERS_MAX) throw new Error('a frame is too large')
  return { type, id, body, credit: 0, bytes: NO_BYTES }
}

/** The part of the receiver's window that a frame of items uses up. */
export const costOf = (frame: Frame): number => Math.max(1, frame.bytes.length)
