/** One machine: its models, what it has done, and what it may be told to do. */
import type { RequestListBody, RequestRowBody, WorkerBody } from '../../mesh/bodies.ts'
import type { ComponentChildren } from 'preact'
import { CopyAction } from '../../../../ui/action.tsx'
import { Icon } from '../../../../ui/icons.tsx'
import { feed, history, nameOf, now, useToday, workerOf } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Spark } from '../../ui/charts.tsx'
import { Empty, Facts, Figure, Loading, Page, Section } from '../../ui/parts.tsx'
import { Table } from '../../ui/table.tsx'
import { linkText, ModelTag, WorkerTag } from '../../ui/words.tsx'
import { amount, bytes, counted, span } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { requestColumns } from '../requests/columns.tsx'
import { MemoryMeters } from './capacity.tsx'
import { ModelActions, WorkerActions } from './orders.tsx'

const REQUESTS_SHOWN = 50
const EVERY_MS = 10_000
const BACK = { link: linkTo('machines'), text: 'Machines' }

export function MachineScreen({ id }: { id: string }) {
  useToday()
  const worker = workerOf(id)
  if (worker === undefined) {
    return (
      <Page title="Machine" back={BACK}>
        {feed.value.isReady ? (
          <Empty>This machine is not in the mesh now. When it joins again, it appears here.</Empty>
        ) : (
          <Loading />
        )}
      </Page>
    )
  }
  return (
    <Page
      title={nameOf(worker)}
      back={BACK}
      lead={<Lead worker={worker} />}
      actions={<WorkerActions worker={worker} />}
    >
      {worker.warnings.length > 0 && (
        <ul class="needs" aria-label="Warnings">
          {worker.warnings.map((warning) => (
            <li class="need" key={warning}>
              <Icon name="alert" />
              <span>{warning}</span>
            </li>
          ))}
        </ul>
      )}
      <Figures worker={worker} />
      <Models worker={worker} />
      <Hardware worker={worker} />
      <Requests id={id} />
    </Page>
  )
}

const Lead = ({ worker }: { worker: WorkerBody }) => (
  <>
    <WorkerTag state={worker.state} /> {worker.host} · {linkText(worker)} · {worker.version}
  </>
)

function Figures({ worker: { id, running, slots, waiting, today } }: { worker: WorkerBody }) {
  const samples = history.value.workers.get(id) ?? []
  const { first_token_p50_ms: p50, first_token_p95_ms: p95 } = today ?? {}
  return (
    <div class="section figures">
      <Figure name="Answers being written" value={running} note={`of ${slots} at a time`}>
        <Spark values={samples.map((sample) => sample.running)} label="Running, last minutes" />
      </Figure>
      <Figure name="Waiting here" value={waiting}>
        <Spark values={samples.map((sample) => sample.waiting)} label="Waiting, last minutes" />
      </Figure>
      <Figure
        name="First token, 24 h"
        value={p50 === undefined ? '–' : span(p50)}
        note={p95 === undefined ? 'nothing was asked' : `1 in 20 takes ${span(p95)} or more`}
      />
      {today !== undefined && (
        <Figure
          name="Requests, 24 h"
          value={amount(today.requests)}
          note={`${today.failed} failed, ${today.stopped} stopped by callers`}
        />
      )}
    </div>
  )
}

type HeldModel = WorkerBody['models'][number]

const Models = ({ worker }: { worker: WorkerBody }) => (
  <Section title="Models">
    {worker.models.length === 0 ? (
      <Empty>It holds no model yet. “Load a model” fetches one and loads it.</Empty>
    ) : (
      <Table<HeldModel>
        label="Models of this machine"
        rows={worker.models}
        keyOf={({ name }) => name}
        columns={[
          { name: 'Model', cell: (model) => <ModelName model={model} /> },
          { name: 'State', cell: (model) => <ModelTag {...model} /> },
          {
            name: 'Answers',
            cell: ({ running, slots }) => `${running} of ${slots}`,
            isNumber: true
          },
          {
            name: 'Tokens/s',
            cell: (model) => Math.round(model.decode_tokens_per_second) || '',
            isNumber: true
          },
          { name: 'Memory', cell: (model) => memoryOf(model), isNumber: true },
          {
            name: 'Context',
            cell: (model) => model.context_tokens?.toLocaleString('en') ?? '',
            isNumber: true,
            isMinor: true
          },
          {
            name: '',
            cell: (model) => <ModelActions worker={worker} model={model.name} state={model.state} />
          }
        ]}
      />
    )}
  </Section>
)

const ModelName = ({ model }: { model: HeldModel }) => (
  <span>
    <strong>{model.name}</strong>
    <span class="sub">
      {[model.quantization, model.backend, model.on_demand === true ? 'on demand' : undefined]
        .filter(Boolean)
        .join(' · ')}
    </span>
    {model.error !== undefined && <span class="note bad">{model.error}</span>}
    {model.notice !== undefined && <span class="sub">{model.notice}</span>}
  </span>
)

function memoryOf({ memory }: HeldModel): string {
  if (memory === undefined) return ''
  const parts = []
  if (memory.vram_bytes > 0) parts.push(`${bytes(memory.vram_bytes)} VRAM`)
  if (memory.ram_bytes > 0) parts.push(`${bytes(memory.ram_bytes)} RAM`)
  return parts.join(', ')
}

function Hardware({ worker }: { worker: WorkerBody }) {
  const { hardware, engines = [], labels = {}, id } = worker
  const rows: (readonly [string, ComponentChildren])[] = [
    [
      'Key',
      <span class="key-line">
        <code>{id.slice(0, 16)}…</code>
        <CopyAction text={id} label="Copy the key" />
      </span>
    ]
  ]
  if (hardware !== undefined) {
    rows.push(['Processor', `${hardware.cpu.model}, ${counted(hardware.cpu.cores, 'core')}`])
    if (hardware.gpu !== undefined) {
      rows.push(['GPU', `${hardware.gpu.names.join(', ')} (${hardware.gpu.backend})`])
    }
  }
  for (const { kind, version } of engines) rows.push([`Engine ${kind}`, version])
  for (const [label, value] of Object.entries(labels)) rows.push([label, value])
  return (
    <Section title="Machine">
      <div class="card machine-card">
        <Facts rows={rows} />
        <MemoryMeters worker={worker} />
      </div>
    </Section>
  )
}

function Requests({ id }: { id: string }) {
  const path = `v1/admin/requests?worker=${id}&limit=${REQUESTS_SHOWN}`
  const { data } = useRead<RequestListBody>(path, EVERY_MS)
  return (
    <Section title="Last requests" note={data === null ? undefined : 'that this machine answered'}>
      {data?.requests.length === 0 ? (
        <Empty>It has answered nothing yet.</Empty>
      ) : (
        <Table<RequestRowBody>
          label="Last requests of this machine"
          rows={data?.requests ?? []}
          keyOf={(row) => row.id}
          linkOf={(row) => linkTo('requests', row.id)}
          columns={requestColumns({ now: now.value }).filter(({ name }) => name !== 'Machine')}
        />
      )}
    </Section>
  )
}
