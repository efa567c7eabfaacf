/** A table for a wide screen that is a list of cards on a phone. */
import type { ComponentChildren } from 'preact'

export interface Column<Row> {
  name: string
  cell: (row: Row) => ComponentChildren
  /** Figures stand at the right, so that they can be compared. */
  isNumber?: boolean
  /** Left out on a phone. */
  isMinor?: boolean
  /** Sentences: on a phone they have the whole width. */
  isText?: boolean
}

interface TableProps<Row> {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
  /** The address that a click on the row opens. */
  linkOf?: (row: Row) => string
}

export function Table<Row>({ label, columns, rows, keyOf, linkOf }: TableProps<Row>) {
  return (
    <div class="table-box" role="region" aria-label={label} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {columns.map(({ name, ...kind }) => (
              <th key={name} scope="col" class={classOf(kind)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} onClick={(event) => follow(event, linkOf?.(row))}>
              {columns.map(({ name, cell, ...kind }, i) => (
                <td key={name} data-label={name} class={classOf(kind)}>
                  {i === 0 && linkOf !== undefined ? (
                    <a class="row-link" href={linkOf(row)}>
                      {cell(row)}
                    </a>
                  ) : (
                    cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

type Kind = Pick<Column<unknown>, 'isNumber' | 'isMinor' | 'isText'>

const classOf = ({ isNumber, isMinor, isText }: Kind): string | undefined =>
  [isNumber && 'number', isMinor && 'minor', isText && 'prose'].filter(Boolean).join(' ') ||
  undefined

/** The whole row is a target for the mouse; keys have the link in its first cell. */
function follow(event: MouseEvent, link: string | undefined): void {
  if (link === undefined || !(event.target instanceof Element)) return
  if (event.target.closest('a, button, input, select, label') !== null) return
  if (getSelection()?.toString() === '') location.hash = link
}
