/** What runs and what waits, and for how long already. */
import type { QueueBody } from '../mesh/bodies.ts'
import { useRead } from '../mesh/read.ts'
import { Empty, Loading, Page, Section, Tag, Trouble } from '../ui/parts.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { counted, span } from '../view/figures.ts'
import { linkTo } from '../view/route.ts'
import { workerName } from './requests/columns.tsx'

const EVERY_MS = 2000
type Entry = QueueBody['requests'][number]
type ModelLoad = QueueBody['models'][number]

export function QueueScreen() {
  const { data, failure } = useRead<QueueBody>('v1/admin/queue', EVERY_MS)
  return (
    <Page
      title="Queue"
      lead={
        data === null
          ? 'What runs, and what waits for a free machine.'
          : `${counted(data.waiting, 'request')} waiting, ${data.running} running.`
      }
    >
      {data === null ? (
        failure === null ? (
          <Loading />
        ) : (
          <Trouble failure={failure} onRetry={() => {}} />
        )
      ) : (
        <Contents queue={data} />
      )}
    </Page>
  )
}

function Contents({ queue: { requests, models } }: { queue: QueueBody }) {
  if (requests.length === 0) {
    return (
      <Empty command='haif infer "What is HAIF?"'>
        Nothing runs and nothing waits. This asks something:
      </Empty>
    )
  }
  const waiting = requests.filter(({ worker }) => worker === undefined)
  const running = requests.filter(({ worker }) => worker !== undefined)
  return (
    <>
      {waiting.length > 0 && (
        <Section title="Waiting" note="served from the top, tenants by their weight">
          <Table<Entry>
            label="Waiting requests"
            rows={waiting}
            keyOf={keyOf}
            columns={[...COLUMNS, ...WAITING]}
          />
        </Section>
      )}
      {running.length > 0 && (
        <Section title="Running">
          <Table<Entry>
            label="Running requests"
            rows={running}
            keyOf={keyOf}
            columns={[...COLUMNS, ...RUNNING]}
          />
        </Section>
      )}
      <Section title="By model">
        <Table<ModelLoad>
          label="Load by model"
          rows={models}
          keyOf={({ model }) => model}
          columns={[
            { name: 'Model', cell: ({ model }) => model },
            {
              name: 'Running',
              cell: ({ running: now, slots }) => `${now} of ${slots}`,
              isNumber: true
            },
            { name: 'Waiting', cell: (load) => load.waiting, isNumber: true }
          ]}
        />
      </Section>
    </>
  )
}

const keyOf = ({ request_id: id, tenant }: Entry): string => `${tenant} ${id}`

const COLUMNS: readonly Column<Entry>[] = [
  {
    name: 'Request',
    cell: ({ request_id: id }) => (
      <a class="row-link" href={linkTo('requests', undefined, { id })}>
        <code>{id.slice(0, 12)}</code>
      </a>
    )
  },
  { name: 'Tenant', cell: ({ tenant }) => tenant },
  { name: 'Model', cell: ({ model }) => model },
  { name: 'Age', cell: ({ age_ms: ms }) => span(ms), isNumber: true },
  {
    name: 'Class',
    cell: ({ priority }) => <Tag tone={priority === 'batch' ? 'still' : 'busy'}>{priority}</Tag>
  }
]

const WAITING: readonly Column<Entry>[] = [
  { name: 'Weight', cell: ({ weight }) => weight, isNumber: true, isMinor: true },
  { name: 'Ahead', cell: ({ ahead }) => ahead ?? '', isNumber: true },
  {
    name: 'Expected',
    cell: ({ wait_ms: ms }) => (ms === undefined ? '' : `in ${span(ms)}`),
    isNumber: true
  }
]

const RUNNING: readonly Column<Entry>[] = [
  { name: 'Machine', cell: ({ worker }) => (worker === undefined ? '' : workerName(worker)) },
  { name: 'Attempts', cell: ({ attempts }) => attempts, isNumber: true, isMinor: true }
]
