/** What a benchmark found, as a table on the terminal and as a section of docs/benchmarks.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import process from 'node:process'

const PAGE = new URL('../../docs/benchmarks.md', import.meta.url)

/** A figure that has to reach something. */
export interface Bar {
  figure: string
  bar: string
  measured: string
  holds: boolean
}

export interface Report {
  title: string
  /** What was measured and how, in a sentence or two. */
  how: string
  columns: string[]
  rows: string[][]
  bars: Bar[]
}

export interface BenchOptions {
  /** Shorter, to see that it works; its figures are rough. */
  quick: boolean
  /** On the GPU of this machine, where the benchmark can be run there. */
  gpu?: boolean
  /** A part of the cases only; what is left out has no limit. */
  part?: BenchPart
}

export interface BenchPart {
  streams?: readonly number[]
  promptTokens?: readonly number[]
  /** Of the models. */
  vocabulary?: string
}

export function toMarkdown({ title, how, columns, rows, bars }: Report): string {
  const parts = [`### ${title}`, how, table(columns, rows)]
  if (bars.length > 0) {
    const judged = bars.map(({ figure, bar, measured, holds }) => [
      figure,
      bar,
      measured,
      holds ? 'yes' : '**no**'
    ])
    parts.push(table(['figure', 'bar', 'measured', 'holds'], judged))
  }
  return parts.join('\n\n')
}

/** A row as soon as it is measured, for whoever watches. */
export function showRow(columns: readonly string[], row: readonly string[]): void {
  const cells = row.map((cell, i) => `${columns[i]}: ${cell}`)
  process.stderr.write(`  ${cells.join(', ')}\n`)
}

function table(columns: string[], rows: string[][]): string {
  const widths = columns.map((name, i) =>
    Math.max(3, name.length, ...rows.map((row) => (row[i] ?? '').length))
  )
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}

/** Replaces one benchmark's part of the page and leaves the others as they are. */
export function writePart(section: string, name: string, command: string, report: Report): void {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : HEAD
  const withSection = within(page, section, (text) => {
    const machine = `${availableParallelism()} cores, Node ${process.versions.node}`
    const part = `\n${toMarkdown(report)}\n\n\`${command}\`, ${machine}.\n`
    return within(text, `${section}:${name}`, () => part)
  })
  writeFileSync(PAGE, withSection)
}

/** Changes what stands between two markers, which are added at the end when they are not there. */
function within(text: string, name: string, change: (inner: string) => string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = text.indexOf(open)
  if (from < 0) return `${text.trimEnd()}\n\n${open}\n${change('')}\n${close}\n`
  const to = text.indexOf(close, from)
  const inner = text.slice(from + open.length, to).trim()
  return `${text.slice(0, from)}${open}\n${change(inner)}\n${text.slice(to)}`
}

const HEAD = `# Benchmarks

Every figure is a ratio, or stands beside what it is compared with, from one run on one machine.
`

export const fixed = (value: number, digits = 2): string => value.toFixed(digits)
