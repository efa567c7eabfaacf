/** Who has used how much. */
import type { LimitUseBody, TenantBody, UsageRowBody } from '../mesh/bodies.ts'
import { now } from '../mesh/live.ts'
import { useRead } from '../mesh/read.ts'
import { Bars } from '../ui/charts.tsx'
import { Choice, Empty, Figure, Loading, Meter, Page, Section, Trouble } from '../ui/parts.tsx'
import { route, setFilters } from '../ui/router.ts'
import { Table } from '../ui/table.tsx'
import { saveRead } from '../ui/save.ts'
import { amount, shortKey, span } from '../view/figures.ts'
import { daysOf, rangeOf, RANGES, type RangeName } from '../view/usage-range.ts'
import { workerName } from './requests/columns.tsx'

const EVERY_MS = 15_000
const GROUPS = [
  ['tenant', 'by tenant'],
  ['token', 'by token'],
  ['model', 'by model'],
  ['worker', 'by machine'],
  ['day', 'by day']
] as const
type Group = (typeof GROUPS)[number][0]

interface UsageBody {
  rows: UsageRowBody[]
}

export function UsageScreen() {
  const { filters } = route.value
  const name = RANGES.find(([each]) => each === filters['range'])?.[0] ?? 'month'
  const group = GROUPS.find(([each]) => each === filters['by'])?.[0] ?? 'tenant'
  const range = rangeOf(name, now.value)
  const query = `from=${range.from}&to=${range.to}`
  const byDay = useRead<UsageBody>(`v1/usage?group_by=day&${query}`, EVERY_MS)
  const path = `v1/usage?group_by=${group}&${query}`
  const grouped = useRead<UsageBody>(path, EVERY_MS)
  return (
    <Page
      title="Usage"
      lead="Requests and tokens, a second after they end. Days are in UTC."
      actions={
        <>
          <Choice<RangeName>
            label="Time"
            value={name}
            options={RANGES}
            onChange={(chosen) => setFilters({ range: chosen })}
          />
          <Choice<Group>
            label="Summed up"
            value={group}
            options={GROUPS}
            onChange={(chosen) => setFilters({ by: chosen })}
          />
          <button
            type="button"
            class="plain"
            onClick={() => void saveRead(`${path}&format=csv`, `usage-${group}-${name}.csv`)}
          >
            CSV
          </button>
        </>
      }
    >
      <Sums rows={byDay.data?.rows ?? null} failure={byDay.failure} days={daysOf(range)} />
      <Budgets />
      <Rows rows={grouped.data?.rows ?? null} group={group} />
    </Page>
  )
}

interface SumsProps {
  rows: UsageRowBody[] | null
  failure: ReturnType<typeof useRead>['failure']
  days: string[]
}

function Sums({ rows, failure, days }: SumsProps) {
  if (rows === null) {
    return failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />
  }
  const sum = (field: 'requests' | 'errors' | 'prompt_tokens' | 'completion_tokens') =>
    rows.reduce((total, row) => total + row[field], 0)
  const stopped = rows.reduce((total, row) => total + (row.stopped ?? 0), 0)
  const byDay = new Map(rows.map((row) => [row.key, row]))
  const valuesOf = (field: 'prompt_tokens' | 'completion_tokens') =>
    days.map((day) => byDay.get(day)?.[field] ?? 0)
  return (
    <>
      <div class="figures">
        <Figure
          name="Requests"
          value={amount(sum('requests'))}
          note={`${sum('errors')} failed, ${stopped} stopped`}
        />
        <Figure name="Tokens read" value={amount(sum('prompt_tokens'))} />
        <Figure name="Tokens written" value={amount(sum('completion_tokens'))} />
      </div>
      <Section title="Tokens by day">
        <Bars
          label="Tokens read and written, by day"
          names={days.map((day) => day.slice(5))}
          series={[
            { name: 'read', values: valuesOf('prompt_tokens') },
            { name: 'written', values: valuesOf('completion_tokens') }
          ]}
        />
      </Section>
    </>
  )
}

/** Tenants with a budget, the fullest first. */
function Budgets() {
  const { data } = useRead<{ tenants: TenantBody[] }>('v1/admin/tenants', EVERY_MS)
  const budgets = (data?.tenants ?? []).flatMap(({ id, use = [] }) =>
    use.filter(isBudget).map((each) => ({ id, use: each }))
  )
  if (budgets.length === 0) return null
  return (
    <Section title="Budgets">
      <div class="card budgets">
        {budgets
          .toSorted((a, b) => b.use.used / b.use.max - a.use.used / a.use.max)
          .map(({ id, use }) => (
            <Meter
              key={`${id} ${use.limit}`}
              label={id}
              used={use.used}
              total={use.max}
              text={budgetText(use)}
            />
          ))}
      </div>
    </Section>
  )
}

const isBudget = ({ limit }: LimitUseBody): boolean => /day|month/i.test(limit)

function budgetText({ limit, max, used, resets_in_ms: ms }: LimitUseBody): string {
  const renews = ms === undefined ? '' : `, renews in ${span(ms)}`
  return `${amount(used)} of ${amount(max)} a ${/day/i.test(limit) ? 'day' : 'month'}${renews}`
}

function Rows({ rows, group }: { rows: UsageRowBody[] | null; group: Group }) {
  if (rows === null) return null
  if (rows.length === 0) {
    return (
      <Empty command='haif infer "What is HAIF?"'>
        Nothing was asked in this time. This asks something:
      </Empty>
    )
  }
  return (
    <Section title={`By ${titleOf(group).toLowerCase()}`}>
      <Table<UsageRowBody>
        label="Usage"
        rows={rows}
        keyOf={({ key }) => key}
        columns={[
          { name: titleOf(group), cell: ({ key }) => nameIn(group, key) },
          { name: 'Requests', cell: (row) => row.requests.toLocaleString('en'), isNumber: true },
          { name: 'Failed', cell: ({ errors }) => errors, isNumber: true },
          { name: 'Stopped', cell: ({ stopped }) => stopped ?? '', isNumber: true },
          { name: 'Tokens read', cell: (row) => amount(row.prompt_tokens), isNumber: true },
          {
            name: 'From the cache',
            cell: (row) => amount(row.cached_prompt_tokens),
            isNumber: true
          },
          { name: 'Tokens written', cell: (row) => amount(row.completion_tokens), isNumber: true }
        ]}
      />
    </Section>
  )
}

const TITLES = { tenant: 'Tenant', token: 'Token', model: 'Model', worker: 'Machine', day: 'Day' }
const titleOf = (group: Group): string => TITLES[group]

function nameIn(group: Group, key: string): string {
  if (group === 'worker' && /^[0-9a-f]{64}$/.test(key)) return workerName(key)
  return key.length === 64 ? shortKey(key) : key || 'none'
}
