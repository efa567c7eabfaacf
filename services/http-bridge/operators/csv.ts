/** Replies as comma-separated values, by RFC 4180. */
import type { FastifyReply } from 'fastify'
import type { TObject } from 'typebox'
import { HaifError } from '#shared/errors.ts'
import { snake, toSnake } from './snake-case.ts'

const FORMATS: readonly unknown[] = [undefined, 'json', 'csv']

/** Takes `format=csv` out of a query. */
export function takeFormat(all: unknown): { wantsCsv: boolean; query: Record<string, unknown> } {
  const { format, ...query } = all as Record<string, unknown>
  if (FORMATS.includes(format)) return { wantsCsv: format === 'csv', query }
  throw new HaifError('VALIDATION_FAILED', 'format must be json or csv', {
    details: { param: 'format' }
  })
}

/** Sends one line for each row; the columns are the fields of the row's contract. */
export function sendCsv(reply: FastifyReply, row: TObject, rows: readonly object[]): FastifyReply {
  const columns = Object.keys(row.properties).map(snake)
  const lines = rows.map((each) => {
    const values = toSnake(row, each) as Record<string, unknown>
    return columns.map((column) => cell(values[column])).join(',')
  })
  const text = [columns.join(','), ...lines].map((line) => `${line}\r\n`).join('')
  return reply.type('text/csv; charset=utf-8').send(text)
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // A spreadsheet would run a text that begins like a formula.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
