/** Lines of aligned columns, cut at the edge of the screen. */
import { paint, type Screen } from './terminal.ts'

export interface Cell {
  text: string
  format?: Parameters<typeof paint>[1]
}

const GAP = '  '
const INDENT = '  '

export function heading(text: string, screen: Screen): string {
  return paint(screen, 'dim', text)
}

export function table(
  rows: readonly (readonly Cell[])[],
  screen: Screen,
  indent = INDENT
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => length(row[i]?.text ?? '')))
  )
  return rows.map((row) => line(row, widths, screen, indent))
}

/** Words in lines that fit the screen; a word that is longer than a line stays whole. */
export function wrap(text: string, screen: Screen, indent: string): string[] {
  const lines = [indent]
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!
    const longer = last === indent ? `${indent}${word}` : `${last} ${word}`
    if (last === indent || length(longer) <= screen.width) lines[lines.length - 1] = longer
    else lines.push(`${indent}${word}`)
  }
  return lines
}

function line(
  row: readonly Cell[],
  widths: readonly number[],
  screen: Screen,
  indent: string
): string {
  let result = indent
  let room = screen.width - indent.length
  for (const [i, { text, format }] of row.entries()) {
    if (widths[i] === 0 || room <= 0) continue
    const shown = cut(text, room)
    result += format === undefined || shown === '' ? shown : paint(screen, format, shown)
    const gap = Math.min(Math.max(0, room - length(shown)), widths[i]! - length(shown) + GAP.length)
    result += ' '.repeat(gap)
    room -= length(shown) + gap
  }
  return result.trimEnd()
}

const length = (text: string): number => Array.from(text).length

function cut(text: string, room: number): string {
  return length(text) <= room
    ? text
    : `${Array.from(text)
        .slice(0, room - 1)
        .join('')}…`
}
