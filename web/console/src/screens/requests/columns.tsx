/** The columns of lists of requests. */
import type { RequestRowBody } from '../../mesh/bodies.ts'
import { feed, nameOf } from '../../mesh/live.ts'
import type { Column } from '../../ui/table.tsx'
import { RequestTag } from '../../ui/words.tsx'
import { amount, fullMoment, moment, shortKey, span } from '../../view/figures.ts'

export function workerName(key: string): string {
  const worker = feed.value.workers.get(key)
  return worker === undefined ? shortKey(key) : nameOf(worker)
}

export const requestColumns = ({ now }: { now: number }): readonly Column<RequestRowBody>[] => [
  {
    name: 'When',
    cell: ({ started_at: at }) => <span title={fullMoment(at)}>{moment(at, now)}</span>
  },
  { name: 'Status', cell: (row) => <RequestTag {...row} /> },
  {
    name: 'Tenant',
    cell: ({ tenant, token_name: tokenName }) => (
      <>
        {tenant}
        {tokenName !== undefined && <span class="sub">{tokenName}</span>}
      </>
    )
  },
  { name: 'Model', cell: ({ model }) => model },
  {
    name: 'Machine',
    cell: ({ worker, attempts }) => (
      <>
        {worker === undefined ? '' : workerName(worker)}
        {attempts > 1 && <span class="sub">{attempts} attempts</span>}
      </>
    )
  },
  { name: 'Waited', cell: ({ queue_ms: ms }) => msOf(ms), isNumber: true, isMinor: true },
  { name: 'Took', cell: ({ duration_ms: ms }) => span(ms), isNumber: true },
  {
    name: 'Tokens in',
    cell: ({ prompt_tokens: all, cached_prompt_tokens: cached }) => (
      <span title={`${cached} of them were in the cache`}>{amount(all)}</span>
    ),
    isNumber: true,
    isMinor: true
  },
  { name: 'Tokens out', cell: (row) => amount(row.completion_tokens), isNumber: true }
]

const msOf = (ms: number): string => (ms < 1 ? '' : span(ms))
