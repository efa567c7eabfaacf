/** What passes between a gateway's main thread and the thread that holds its spool. */
import type { Spooled } from './usage-spool.ts'

export interface SpoolSetup {
  file: string
  rowsMax: number
  /** The id of the last call that is over: also a thread without time for messages can see it. */
  over: BigInt64Array<SharedArrayBuffer>
}

export type SpoolWork =
  | { kind: 'append'; row: string }
  | { kind: 'oldest'; count: number }
  | { kind: 'remove'; first: number; last: number }

export type SpoolCall = { id: number; work: SpoolWork } | 'close'

/** For `append` the rows that were dropped, for `oldest` rows. */
export type SpoolResult = number | Spooled[]

/** An error on its way between threads, with the fields by which trouble is told apart. */
export interface SpoolFailure {
  message: string
  code?: string
  errcode?: number
}

export interface SpoolReply {
  calls: [id: number, result: SpoolResult | null, failure?: SpoolFailure][]
  /** Rows that wait; null: the disk does not let the file be opened. */
  length: number | null
  /** A damaged file was put there. */
  kept?: string
}
