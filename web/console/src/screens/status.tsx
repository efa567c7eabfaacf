/** The front page: how it stands, what needs a person, and what runs. */
import type { RequestListBody, RequestRowBody, UsageRowBody, WorkerBody } from '../mesh/bodies.ts'
import { Icon } from '../../../ui/icons.tsx'
import { openPanel } from '../../../ui/panels.ts'
import { feed, history, now, useToday, workers } from '../mesh/live.ts'
import { useRead } from '../mesh/read.ts'
import { Spark } from '../ui/charts.tsx'
import { Empty, Figure, Loading, Page, Section } from '../ui/parts.tsx'
import { Table } from '../ui/table.tsx'
import { StateOf } from '../ui/words.tsx'
import { amount, counted, percent, span } from '../view/figures.ts'
import { firstTokenOf, sumsOf, verdictOf } from '../view/verdict.ts'
import { linkTo } from '../view/route.ts'
import { MachineName, MemoryMeters, SlotsMeter } from './machines/capacity.tsx'
import { requestColumns } from './requests/columns.tsx'

const FAILED_SHOWN = 6
const DAY_MS = 86_400_000
const FAILED_EVERY_MS = 20_000
const USAGE_EVERY_MS = 10_000
const MINUTE_MS = 60_000

/** In whole minutes, so that the address of what is read does not change at each glance. */
const aDayAgo = (): number => Math.floor((now.value - DAY_MS) / MINUTE_MS) * MINUTE_MS

export function StatusScreen() {
  useToday()
  const { mesh, isReady } = feed.value
  if (mesh === null || !isReady) {
    return (
      <Page title="Status">
        <Loading />
      </Page>
    )
  }
  const { tone, sentence } = verdictOf(mesh)
  const { workers: machines, models, slots } = mesh
  const lead = [
    counted(machines.total, 'machine'),
    `${counted(models.ready, 'model')} ready`,
    `${counted(slots.running, 'answer')} being written`,
    ...(slots.waiting > 0 ? [`${slots.waiting} waiting`] : [])
  ].join(' · ')
  return (
    <Page title={sentence} tone={tone} lead={lead} actions={<AddMachineButton />}>
      <Needs />
      <Figures />
      {workers.value.length === 0 ? <NoMachine /> : <Capacity />}
      <Failures />
    </Page>
  )
}

export const AddMachineButton = () => (
  <button type="button" class="primary" onClick={() => openPanel('addMachine')}>
    Add a machine
  </button>
)

function Needs() {
  const needs = feed.value.mesh?.needs ?? []
  if (needs.length === 0) return null
  return (
    <ul class="needs" aria-label="What needs you">
      {needs.map(({ peer, model, message }) => (
        <li class="need" key={message}>
          <Icon name="alert" />
          <span>{message}</span>
          {peer !== undefined && feed.value.workers.has(peer) ? (
            <a class="plain small" href={linkTo('machines', peer)}>
              Look at it
            </a>
          ) : (
            model !== undefined && (
              <a class="plain small" href={linkTo('models')}>
                Models
              </a>
            )
          )}
        </li>
      ))}
    </ul>
  )
}

function Figures() {
  const { mesh, queue } = feed.value
  const { all } = history.value
  const first = firstTokenOf(workers.value)
  return (
    <div class="section figures">
      <Figure
        name="Answers being written"
        value={mesh!.slots.running}
        note={`of ${mesh!.slots.total} at a time`}
      >
        <Spark values={all.map(({ running }) => running)} label="Running, last minutes" />
      </Figure>
      <Figure name="Waiting" value={queue?.waiting ?? mesh!.slots.waiting} note="in the queue">
        <Spark values={all.map(({ waiting }) => waiting)} label="Waiting, last minutes" />
      </Figure>
      <Figure
        name="First token, 24 h"
        value={first.p50Ms === undefined ? '–' : span(first.p50Ms)}
        note={
          first.p95Ms === undefined
            ? 'nothing was answered'
            : `slowest machine: ${span(first.p95Ms)} for 1 in 20`
        }
      />
      <Today />
    </div>
  )
}

/** From the books, which also have what no machine has answered. */
function Today() {
  const path = `v1/usage?group_by=day&from=${aDayAgo()}`
  const { data } = useRead<{ rows: UsageRowBody[] }>(path, USAGE_EVERY_MS)
  if (data === null) {
    return (
      <>
        <Figure name="Requests, 24 h" value="–" />
        <Figure name="Tokens, 24 h" value="–" />
      </>
    )
  }
  const { requests, failed, stopped, promptTokens, completionTokens } = sumsOf(data.rows)
  const share = percent(failed, requests)
  return (
    <>
      <Figure
        name="Requests, 24 h"
        value={amount(requests)}
        note={
          failed === 0
            ? `none failed${stopped > 0 ? `, ${stopped} stopped by callers` : ''}`
            : `${failed} failed (${share < 1 ? '<1' : share} %), ${stopped} stopped`
        }
      />
      <Figure
        name="Tokens, 24 h"
        value={amount(completionTokens)}
        note={`written; ${amount(promptTokens)} read`}
      />
    </>
  )
}

const Capacity = () => (
  <Section title="Machines" note="what each has, and what it does now">
    <Table<WorkerBody>
      label="Machines"
      rows={workers.value}
      keyOf={({ id }) => id}
      linkOf={({ id }) => linkTo('machines', id)}
      columns={[
        { name: 'Machine', cell: (worker) => <MachineName worker={worker} /> },
        { name: 'State', cell: (worker) => <StateOf worker={worker} /> },
        { name: 'Models', cell: ({ models }) => <Models models={models} /> },
        { name: 'Answers', cell: (worker) => <SlotsMeter worker={worker} /> },
        { name: 'Memory', cell: (worker) => <MemoryMeters worker={worker} /> }
      ]}
    />
  </Section>
)

const MODELS_SHOWN = 3

function Models({ models }: { models: WorkerBody['models'] }) {
  return (
    <span class="chips">
      {models.slice(0, MODELS_SHOWN).map(({ name }) => (
        <span key={name}>{name}</span>
      ))}
      {models.length > MODELS_SHOWN && <span>+{models.length - MODELS_SHOWN}</span>}
    </span>
  )
}

const NoMachine = () => (
  <Section title="Machines">
    <Empty action={<AddMachineButton />}>
      No machine runs a model yet. Add one: it takes a line to paste, and no open port.
    </Empty>
  </Section>
)

function Failures() {
  const path = `v1/admin/requests?status=failed&limit=${FAILED_SHOWN}&from=${aDayAgo()}`
  const { data } = useRead<RequestListBody>(path, FAILED_EVERY_MS)
  const failed = data?.requests ?? []
  if (failed.length === 0) return null
  return (
    <Section
      title="Failed in the last 24 hours"
      actions={
        <a class="link" href={linkTo('requests', undefined, { status: 'failed' })}>
          All of them
        </a>
      }
    >
      <Table<RequestRowBody>
        label="Failed requests"
        rows={failed}
        keyOf={({ id }) => id}
        linkOf={({ id }) => linkTo('requests', id)}
        columns={requestColumns({ now: now.value }).filter(({ name }) =>
          ['When', 'Status', 'Tenant', 'Model', 'Machine'].includes(name)
        )}
      />
    </Section>
  )
}
