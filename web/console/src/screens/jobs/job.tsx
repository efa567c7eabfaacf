/** One job and its tasks. */
import type { JobBody, TaskBody } from '../../mesh/bodies.ts'
import { Icon } from '../../../../ui/icons.tsx'
import { useRead } from '../../mesh/read.ts'
import { Facts, Loading, Page, Section, Trouble } from '../../ui/parts.tsx'
import { perform } from '../../ui/perform.ts'
import { Table, type Column } from '../../ui/table.tsx'
import { fullMoment, span } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { workerName } from '../requests/columns.tsx'
import { JobTag } from './job-tag.tsx'

const EVERY_MS = 2000
const TASKS_SHOWN = 500
const BACK = { link: linkTo('jobs'), text: 'Jobs' }

export function JobScreen({ id }: { id: string }) {
  const path = `v1/jobs/${encodeURIComponent(id)}`
  const { data: job, failure } = useRead<JobBody>(path, EVERY_MS)
  const tasks = useRead<{ tasks: TaskBody[] }>(`${path}/tasks?limit=${TASKS_SHOWN}`, EVERY_MS).data
  if (job === null) {
    return (
      <Page title="Job" back={BACK}>
        {failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />}
      </Page>
    )
  }
  return (
    <Page
      title={job.type}
      back={BACK}
      lead={
        <span class="id-line">
          <JobTag status={job.status} /> <code>{job.job_id}</code>
        </span>
      }
      actions={<JobActions job={job} />}
    >
      {job.error !== undefined && (
        <div class="failure">
          <Icon name="alert" />
          <div>
            <p>{job.error.message}</p>
            <p class="failure-code">
              {job.error.code}
              {job.error.task_id !== undefined && ` · task ${job.error.task_id}`}
            </p>
          </div>
        </div>
      )}
      <Section title="Tasks">
        <Table<TaskBody>
          label="Tasks"
          rows={tasks?.tasks ?? []}
          keyOf={({ task_id: task }) => task}
          columns={COLUMNS}
        />
      </Section>
      <Section title="Facts">
        <div class="card">
          <Facts
            rows={[
              ['Tenant', job.tenant],
              ['Priority', job.priority],
              ['Model', job.model ?? 'as the mesh chooses'],
              ['Submitted', fullMoment(Date.parse(job.created_at))],
              ['Tokens', job.usage.total_tokens.toLocaleString('en')],
              ...(job.message === undefined ? [] : [['Says', job.message] as const])
            ]}
          />
        </div>
      </Section>
    </Page>
  )
}

function JobActions({ job: { job_id: id, status } }: { job: JobBody }) {
  const give = (name: 'job.cancel' | 'job.resume' | 'job.archive', done: string) =>
    void perform(name, { params: { id } }, { done, changes: ['v1/jobs'] })
  if (['Queued', 'Assigned', 'Running'].includes(status)) {
    return (
      <button
        type="button"
        class="plain danger"
        onClick={() => give('job.cancel', 'The job is cancelled.')}
      >
        Cancel
      </button>
    )
  }
  return (
    <>
      {status === 'Failed' && (
        <button
          type="button"
          class="primary"
          onClick={() => give('job.resume', 'What has failed runs again.')}
        >
          Resume
        </button>
      )}
      {status !== 'Archived' && (
        <button
          type="button"
          class="plain"
          onClick={() => give('job.archive', 'The job is put away.')}
        >
          Archive
        </button>
      )}
    </>
  )
}

const COLUMNS: readonly Column<TaskBody>[] = [
  {
    name: 'Task',
    cell: ({ task_id: id, type, dependencies }) => (
      <>
        <strong>{id}</strong>
        <span class="sub">
          {type}
          {dependencies.length > 0 && ` after ${dependencies.join(', ')}`}
        </span>
      </>
    )
  },
  { name: 'State', cell: ({ status }) => <JobTag status={status} /> },
  {
    name: 'Attempt',
    cell: ({ attempt, max_attempts: most }) => `${attempt} of ${most}`,
    isNumber: true
  },
  {
    name: 'Machine',
    cell: ({ worker_id: worker }) => (worker === undefined ? '' : workerName(worker))
  },
  {
    name: 'Took',
    cell: ({ started_at: from, completed_at: to }) =>
      from === undefined || to === undefined ? '' : span(Date.parse(to) - Date.parse(from)),
    isNumber: true
  },
  {
    name: '',
    cell: ({ waiting_for: waiting, error, error_code: code }) =>
      error === undefined ? (
        <span class="note">{waiting}</span>
      ) : (
        <span class="note bad">
          {error} {code !== undefined && <code class="code-of">{code}</code>}
        </span>
      )
  }
]
