/** PGlite behind its protocol: messages in, messages out, as the one session that it has. */
import type { PGlite } from '@electric-sql/pglite'
import { MessageReader } from './frames.ts'

export interface Reply {
  /** The answer to the client that asked. */
  bytes: Buffer
  /**
   * True while the client keeps the session: a transaction is open, or a message is not complete.
   */
  isHeld: boolean
  /** Notices for the clients that listen to the channel; the bytes are the whole message. */
  notices: { channel: string; bytes: Buffer }[]
}

/** One at a time; `Turns` sees to that. */
export async function ask(db: PGlite, bytes: Buffer): Promise<Reply> {
  const reader = new MessageReader()
  await db.execProtocolRawStream(bytes, {
    onRawData: (data) => reader.push(Buffer.from(data)) // a copy: the memory is the database's
  })
  const reply: Reply = { bytes: Buffer.alloc(0), isHeld: true, notices: [] }
  const mine: Buffer[] = []
  for (let next = reader.next(true); next !== null; next = reader.next(true)) {
    if (next.type === 'A') {
      reply.notices.push({ channel: channelOf(next.body), bytes: next.bytes })
      continue
    }
    reply.isHeld = next.type !== 'Z' || next.body.toString() !== 'I'
    mine.push(next.bytes)
  }
  reply.bytes = Buffer.concat(mine)
  return reply
}

/** The text of a notice follows the number of the session that sent it. */
function channelOf(body: Buffer): string {
  return body.toString('utf8', 4, body.indexOf(0, 4))
}
