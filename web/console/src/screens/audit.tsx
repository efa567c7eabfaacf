/** Who has done what, and whether the record of it is whole. */
import type { AuditEventBody, AuditReportBody, TokenBody } from '../mesh/bodies.ts'
import { useState } from 'preact/hooks'
import { now } from '../mesh/live.ts'
import { failureOf, readOnce, useRead } from '../mesh/read.ts'
import { notify } from '../../../ui/notices.ts'
import { Choice, Empty, Loading, Page, Tag, Trouble } from '../ui/parts.tsx'
import { route, setFilters } from '../ui/router.ts'
import { saveRead } from '../ui/save.ts'
import { Table, type Column } from '../ui/table.tsx'
import { counted, fullMoment, moment } from '../view/figures.ts'

const EVERY_MS = 10_000
const NAMES_EVERY_MS = 60_000
const SHOWN = 100
const RESULTS = [
  ['', 'Done and refused'],
  ['ok', 'Done'],
  ['refused', 'Refused']
] as const
const FIELDS = ['action', 'actor', 'tenant'] as const
const TITLES = { action: 'Action', actor: 'By whom', tenant: 'Tenant' }

export function AuditScreen() {
  const { filters } = route.value
  const query = new URLSearchParams({ limit: String(SHOWN) })
  for (const name of [...FIELDS, 'result'] as const) {
    const value = filters[name]
    if (value !== undefined && value !== '') query.set(name, value)
  }
  const path = `v1/admin/audit?${query}`
  const names = useTokenNames()
  const { data, failure } = useRead<{ events: AuditEventBody[]; total: number }>(path, EVERY_MS)
  return (
    <Page
      title="Audit"
      lead="Every change of tokens, tenants and machines, each chained to the one before."
      actions={
        <>
          <Verify />
          <button
            type="button"
            class="plain"
            onClick={() => void saveRead(`${path}&format=csv`, 'audit.csv')}
          >
            CSV
          </button>
        </>
      }
    >
      <div class="filters">
        {FIELDS.map((name) => (
          <input
            key={name}
            type="text"
            size={14}
            placeholder={TITLES[name]}
            aria-label={TITLES[name]}
            value={filters[name] ?? ''}
            onChange={(event) => setFilters({ [name]: event.currentTarget.value.trim() })}
          />
        ))}
        <Choice
          label="Result"
          value={RESULTS.find(([each]) => each === filters['result'])?.[0] ?? ''}
          options={RESULTS}
          onChange={(result) => setFilters({ result })}
        />
        {data !== null && <span class="note">{counted(data.total, 'event')}</span>}
      </div>
      {data === null ? (
        failure === null ? (
          <Loading />
        ) : (
          <Trouble failure={failure} onRetry={() => {}} />
        )
      ) : data.events.length === 0 ? (
        <Empty command="haif audit">Nothing of that kind was done.</Empty>
      ) : (
        <Table<AuditEventBody>
          label="Audit"
          rows={data.events}
          keyOf={({ chain, seq }) => `${chain} ${seq}`}
          columns={columnsWith(names)}
        />
      )}
    </Page>
  )
}

/** Who an actor is: of a token its name, where it has one. */
function useTokenNames(): ReadonlyMap<string, string> {
  const { data } = useRead<{ tokens: TokenBody[] }>('v1/admin/tokens', NAMES_EVERY_MS)
  return new Map((data?.tokens ?? []).flatMap(({ id, name }) => (name ? [[id, name]] : [])))
}

const columnsWith = (names: ReadonlyMap<string, string>): readonly Column<AuditEventBody>[] => [
  { name: 'When', cell: ({ at }) => <span title={fullMoment(at)}>{moment(at, now.value)}</span> },
  { name: 'What', cell: ({ action }) => <code>{action}</code> },
  { name: 'Of', cell: ({ target }) => target },
  { name: 'By', cell: ({ actor }) => <span title={actor}>{names.get(actor) ?? actor}</span> },
  {
    name: 'Result',
    cell: ({ result }) => (
      <Tag tone={result === 'ok' ? 'good' : 'bad'}>{result === 'ok' ? 'done' : 'refused'}</Tag>
    )
  },
  { name: 'Details', cell: ({ details }) => <Details details={details} />, isMinor: true },
  {
    name: 'Chain',
    cell: ({ chain, seq }) => (
      <span class="note">
        {chain} {seq}
      </span>
    ),
    isMinor: true
  }
]

function Details({ details }: { details: Record<string, unknown> }) {
  const entries = Object.entries(details)
  if (entries.length === 0) return null
  return (
    <span class="note">
      {entries
        .map(
          ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`
        )
        .join(', ')}
    </span>
  )
}

function Verify() {
  const [said, setSaid] = useState<{ isWhole: boolean; text: string } | null>(null)
  const verify = async () => {
    try {
      const { events, chains, problems } = await readOnce<AuditReportBody>('v1/admin/audit/verify')
      const [first] = problems
      setSaid(
        first === undefined
          ? {
              isWhole: true,
              text: `whole: ${counted(events, 'event')}, ${counted(chains, 'chain')}`
            }
          : { isWhole: false, text: `${first.chain} ${first.seq}: ${first.problem}` }
      )
    } catch (error) {
      notify(failureOf(error).message)
    }
  }
  return (
    <>
      {said !== null && (
        <span role="status">
          <Tag tone={said.isWhole ? 'good' : 'bad'}>{said.text}</Tag>
        </span>
      )}
      <button type="button" class="plain" onClick={() => void verify()}>
        Check the chain
      </button>
    </>
  )
}
