/** Decides what a terminal can show, and what must never reach it. */
import { styleText } from 'node:util'
import type { WriteStream } from 'node:tty'

export interface Screen {
  /** Characters in a line; `Infinity` where nobody counts, as in a file. */
  width: number
  color: boolean
}

type Format = Parameters<typeof styleText>[0]

/** `NO_COLOR`, `FORCE_COLOR` and `TERM` are read by Node. */
export function screenOf(stream: WriteStream): Screen {
  if (!stream.isTTY) return { width: Infinity, color: false }
  // Some terminals without a window say that they have 0 columns.
  return { width: stream.columns > 0 ? stream.columns : Infinity, color: stream.hasColors() }
}

export function paint({ color }: Screen, format: Format, text: string): string {
  return color ? styleText(format, text, { validateStream: false }) : text
}

/**
 * Text from another machine or a model, without what would move the cursor, set the title or change
 * colours. In a pipe it stays as it is.
 */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => (/[\n\t]/.test(character) ? character : ''))
}

/** The same in one line. */
export const printableLine = (text: string): string =>
  printable(text.replaceAll(/\s+/g, ' ')).trim()

const SHORT_KEY_CHARACTERS = 8

/** Enough of a public key to tell peers apart by eye. */
export const shortKey = (key: string): string => key.slice(0, SHORT_KEY_CHARACTERS)

/** A pipe whose reader is gone ends the program quietly, as for any filter. */
export const PIPE_CLOSED_EXIT_CODE = 141
/** 128 + SIGINT, as shells have it. */
export const INTERRUPTED_EXIT_CODE = 130
