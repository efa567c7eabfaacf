/** Durable work: its state, its dead letters, and what may run where. */
import type { JobBody } from '../../mesh/bodies.ts'
import type { ComponentType } from 'preact'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Choice, Empty, Loading, Page, Trouble } from '../../ui/parts.tsx'
import { route, setFilters } from '../../ui/router.ts'
import { Table, type Column } from '../../ui/table.tsx'
import { ago, amount, span } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { DeadLetters } from './dead-letters.tsx'
import { JobScreen } from './job.tsx'
import { JobTag } from './job-tag.tsx'
import { Policy } from './policy.tsx'

const EVERY_MS = 4000

const TABS = [
  ['', 'Jobs', Jobs],
  ['dead', 'Dead letters', DeadLetters],
  ['policy', 'Policy', Policy]
] as const satisfies readonly (readonly [string, string, ComponentType])[]

export function JobsScreen() {
  const { id, filters } = route.value
  if (id !== undefined) return <JobScreen id={id} />
  const [chosen, , View] = TABS.find(([tab]) => tab === filters['tab']) ?? TABS[0]
  return (
    <Page title="Jobs" lead="Graphs of tasks that survive machines, and what may run where.">
      <nav class="tabs" aria-label="Jobs">
        {TABS.map(([tab, title]) => (
          <a
            key={tab}
            href={linkTo('jobs', undefined, { tab })}
            aria-current={tab === chosen ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <View />
    </Page>
  )
}

const STATES = [
  ['', 'All of them'],
  ['Queued', 'Queued'],
  ['Running', 'Running'],
  ['Completed', 'Completed'],
  ['Failed', 'Failed'],
  ['Canceled', 'Canceled'],
  ['Archived', 'Archived']
] as const

function Jobs() {
  const status = STATES.find(([state]) => state === route.value.filters['status'])?.[0] ?? ''
  const path = `v1/jobs?limit=50${status === '' ? '' : `&status=${status}`}`
  const { data, failure } = useRead<{ jobs: JobBody[] }>(path, EVERY_MS)
  return (
    <>
      <div class="filters">
        <Choice
          label="State"
          value={status}
          options={STATES}
          onChange={(chosen) => setFilters({ status: chosen })}
        />
      </div>
      {data === null ? (
        failure === null ? (
          <Loading />
        ) : (
          <Trouble failure={failure} onRetry={() => {}} />
        )
      ) : data.jobs.length === 0 ? (
        <Empty command='haif jobs submit "What is HAIF?"'>
          {status === ''
            ? 'No job was submitted yet. This submits one:'
            : 'No job is in that state.'}
        </Empty>
      ) : (
        <Table<JobBody>
          label="Jobs"
          rows={data.jobs}
          keyOf={({ job_id: id }) => id}
          linkOf={({ job_id: id }) => linkTo('jobs', id)}
          columns={COLUMNS}
        />
      )}
    </>
  )
}

const COLUMNS: readonly Column<JobBody>[] = [
  {
    name: 'Job',
    cell: ({ job_id: id, type }) => (
      <>
        {type}
        <span class="sub">
          <code>{id.slice(0, 12)}</code>
        </span>
      </>
    )
  },
  { name: 'State', cell: ({ status }) => <JobTag status={status} /> },
  {
    name: 'Tasks',
    cell: ({ tasks }) => (
      <span class="loading-model">
        <progress value={tasks.completed} max={tasks.total} aria-label="Tasks that are done" />
        {tasks.completed} of {tasks.total}
        {tasks.failed > 0 && <span class="note bad">{tasks.failed} failed</span>}
      </span>
    )
  },
  { name: 'Tenant', cell: ({ tenant }) => tenant },
  { name: 'Model', cell: ({ model }) => model ?? '', isMinor: true },
  { name: 'Submitted', cell: (job) => ago(Date.parse(job.created_at), now.value) },
  { name: 'Took', cell: (job) => took(job), isNumber: true },
  { name: 'Tokens', cell: ({ usage }) => amount(usage.total_tokens), isNumber: true, isMinor: true }
]

function took({ started_at: from, completed_at: to }: JobBody): string {
  if (from === undefined) return ''
  return span((to === undefined ? now.value : Date.parse(to)) - Date.parse(from))
}
