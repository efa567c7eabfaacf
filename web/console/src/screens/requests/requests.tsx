/** All requests: live as they end, or searched for. */
import type { RequestListBody, RequestRowBody } from '../../mesh/bodies.ts'
import { useState } from 'preact/hooks'
import { feed, now } from '../../mesh/live.ts'
import { readOnce, useRead, failureOf } from '../../mesh/read.ts'
import { Choice, Empty, Loading, Page, Trouble } from '../../ui/parts.tsx'
import { route, setFilters } from '../../ui/router.ts'
import { Table } from '../../ui/table.tsx'
import { notify } from '../../../../ui/notices.ts'
import { linkTo } from '../../view/route.ts'
import { mergeRows, requestsPath } from '../../view/request-list.ts'
import { requestColumns } from './columns.tsx'
import { RequestScreen } from './request.tsx'

const EVERY_MS = 10_000

const STATES = [
  ['', 'All of them'],
  ['failed', 'Failed'],
  ['ok', 'Ok'],
  ['stopped', 'Stopped by the caller'],
  ['running', 'Running']
] as const

export function RequestsScreen() {
  const { id, filters } = route.value
  if (id !== undefined) return <RequestScreen id={id} />
  return (
    <Page
      title="Requests"
      lead="Newest first, as they end. Prompts and answers are not kept unless a tenant has it switched on."
    >
      <Filters filters={filters} />
      <List filters={filters} />
    </Page>
  )
}

const FIELDS = { tenant: 'Tenant', model: 'Model', worker: 'Machine key', code: 'Error code' }
const objectKeys = Object.keys as (fields: typeof FIELDS) => (keyof typeof FIELDS)[]

function Filters({ filters }: { filters: Record<string, string> }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        placeholder="Search for a request id"
        aria-label="Request id"
        value={filters['id'] ?? ''}
        onInput={(event) => setFilters({ id: event.currentTarget.value.trim() })}
      />
      <Choice
        label="Status"
        value={(filters['status'] ?? '') as (typeof STATES)[number][0]}
        options={STATES}
        onChange={(status) => setFilters({ status })}
      />
      {objectKeys(FIELDS).map((name) => (
        <input
          key={name}
          type="text"
          size={10}
          placeholder={FIELDS[name]}
          aria-label={FIELDS[name]}
          value={filters[name] ?? ''}
          onChange={(event) => setFilters({ [name]: event.currentTarget.value.trim() })}
        />
      ))}
      {Object.keys(filters).length > 0 && (
        <a class="plain" href={linkTo('requests')}>
          Clear
        </a>
      )}
    </form>
  )
}

function List({ filters }: { filters: Record<string, string> }) {
  const path = requestsPath(filters)
  const { data, failure } = useRead<RequestListBody>(path, EVERY_MS)
  const [older, setOlder] = useState<{ path: string; rows: RequestRowBody[]; next?: string }>()
  if (failure !== null && data === null) return <Trouble failure={failure} onRetry={() => {}} />
  if (data === null) return <Loading />
  const more = older?.path === path ? older : undefined
  const live = Object.keys(filters).length === 0 ? feed.value.ended : []
  const rows = mergeRows(live, data.requests, more?.rows ?? [])
  const next = more === undefined ? data.next : more.next
  const readMore = async () => {
    try {
      const page = await readOnce<RequestListBody>(requestsPath(filters, next))
      const all = [...(more?.rows ?? []), ...page.requests]
      setOlder({ path, rows: all, ...(page.next === undefined ? {} : { next: page.next }) })
    } catch (error) {
      notify(failureOf(error).message)
    }
  }
  if (rows.length === 0) return <Nothing isFiltered={Object.keys(filters).length > 0} />
  return (
    <>
      <Table<RequestRowBody>
        label="Requests"
        rows={rows}
        keyOf={(row) => row.id}
        linkOf={(row) => linkTo('requests', row.id)}
        columns={requestColumns({ now: now.value })}
      />
      {next !== undefined && (
        <p class="more">
          <button type="button" class="plain" onClick={() => void readMore()}>
            Older ones
          </button>
        </p>
      )}
    </>
  )
}

const Nothing = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty>No request fits that.</Empty>
  ) : (
    <Empty command='haif infer "What is HAIF?"'>
      Nothing has been asked yet. This asks something, and it appears here when it ends:
    </Empty>
  )
