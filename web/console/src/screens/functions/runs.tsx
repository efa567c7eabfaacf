/** All calls of functions and pipelines. */
import type { RunBody } from '../../mesh/bodies.ts'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Empty, Loading, Page, Trouble } from '../../ui/parts.tsx'
import { route } from '../../ui/router.ts'
import { Table, type Column } from '../../ui/table.tsx'
import { ago } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { JobTag } from '../jobs/job-tag.tsx'
import { RunScreen, took } from './run.tsx'

const EVERY_MS = 3000

export function RunsScreen() {
  const { id } = route.value
  if (id !== undefined) return <RunScreen id={id} />
  return (
    <Page title="Runs" lead="Calls of functions and pipelines, the newest first.">
      <Runs />
    </Page>
  )
}

function Runs() {
  const { data, failure } = useRead<{ runs: RunBody[] }>('v1/runs?limit=50', EVERY_MS)
  if (data === null) {
    return failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />
  }
  if (data.runs.length === 0) {
    return (
      <Empty command="haif fn call daily_total date=2026-06-08">
        Nothing was called yet. This calls a function, as its page under Functions does:
      </Empty>
    )
  }
  return (
    <Table<RunBody>
      label="Runs"
      rows={data.runs}
      keyOf={({ run_id: id }) => id}
      linkOf={({ run_id: id }) => linkTo('runs', id)}
      columns={COLUMNS}
    />
  )
}

const COLUMNS: readonly Column<RunBody>[] = [
  {
    name: 'Function',
    cell: ({ subject, run_id: id }) => (
      <>
        {subject.name}
        <span class="sub">
          <code>{id.slice(0, 12)}</code>
        </span>
      </>
    )
  },
  { name: 'State', cell: ({ status }) => <JobTag status={status} /> },
  { name: 'Version', cell: ({ subject }) => subject.version, isNumber: true, isMinor: true },
  { name: 'Owner', cell: ({ subject: { owner, library } }) => `${owner}/${library}` },
  { name: 'Begun', cell: (run) => ago(Date.parse(run.created_at), now.value) },
  { name: 'Took', cell: (run) => took(run), isNumber: true },
  {
    name: '',
    cell: ({ error, message }) => (
      <span class={error === undefined ? 'note' : 'note bad'}>{error?.message ?? message}</span>
    )
  }
]
