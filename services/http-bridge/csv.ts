/** Comma-separated values as in RFC 4180, for those who ask for them. */
import { HaifError } from '#shared/errors.ts'

const FORMATS: readonly unknown[] = [undefined, 'json', 'csv']

/** `format=csv`, and the rest of the query. */
export function takeFormat(all: unknown): { wantsCsv: boolean; query: Record<string, unknown> } {
  const { format, ...query } = all as Record<string, unknown>
  if (FORMATS.includes(format)) return { wantsCsv: format === 'csv', query }
  throw new HaifError('VALIDATION_FAILED', 'format must be json or csv', {
    details: { field: 'format' }
  })
}

export function toCsv(columns: readonly string[], rows: readonly object[]): string {
  const lines = rows.map((row) =>
    columns.map((column) => cell((row as Record<string, unknown>)[column])).join(',')
  )
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // A spreadsheet would run a text that begins like a formula.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
