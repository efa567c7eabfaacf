/** All machines: which is there, which is slow, which fails. */
import type { PeerBody, WorkerBody } from '../../mesh/bodies.ts'
import { feed, nameOf, useToday, workers } from '../../mesh/live.ts'
import { Empty, Loading, Page, Section } from '../../ui/parts.tsx'
import { route } from '../../ui/router.ts'
import { Table, type Column } from '../../ui/table.tsx'
import { linkText, StateOf } from '../../ui/words.tsx'
import { counted, shortKey, span } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { AddMachineButton } from '../status.tsx'
import { MachineName, MemoryMeters, SlotsMeter } from './capacity.tsx'
import { MachineScreen } from './machine.tsx'

export function MachinesScreen() {
  const { id } = route.value
  if (id !== undefined) return <MachineScreen id={id} />
  return (
    <Page
      title="Machines"
      lead="Who is in the mesh, how it is reached, and how well it does."
      actions={<AddMachineButton />}
    >
      <Workers />
      <Services />
    </Page>
  )
}

function Workers() {
  useToday()
  if (!feed.value.isReady) return <Loading />
  if (workers.value.length === 0) {
    return (
      <Empty command="haif invite" action={<AddMachineButton />}>
        No machine runs models yet. This prints the line that makes another one join:
      </Empty>
    )
  }
  return (
    <Table<WorkerBody>
      label="Machines that run models"
      rows={workers.value}
      keyOf={({ id }) => id}
      linkOf={({ id }) => linkTo('machines', id)}
      columns={COLUMNS}
    />
  )
}

const COLUMNS: readonly Column<WorkerBody>[] = [
  { name: 'Machine', cell: (worker) => <MachineName worker={worker} /> },
  { name: 'State', cell: (worker) => <StateOf worker={worker} /> },
  {
    name: 'Models',
    cell: ({ models }) => (
      <span class="chips">
        {models.map(({ name }) => (
          <span key={name}>{name}</span>
        ))}
      </span>
    )
  },
  { name: 'Answers', cell: (worker) => <SlotsMeter worker={worker} />, isNumber: true },
  { name: 'Tokens/s', cell: (worker) => rateOf(worker), isNumber: true },
  {
    name: 'First token',
    cell: ({ today }) => <FirstToken today={today} />,
    isNumber: true
  },
  {
    name: 'Failed, 24 h',
    cell: ({ today }) => (today === undefined ? '' : `${today.failed} of ${today.requests}`),
    isNumber: true
  },
  { name: 'Memory', cell: (worker) => <MemoryMeters worker={worker} /> }
]

function rateOf({ models }: WorkerBody): string {
  const rates = models.map((model) => Math.round(model.decode_tokens_per_second))
  const best = Math.max(0, ...rates)
  return best === 0 ? '' : best.toLocaleString('en')
}

function FirstToken({ today }: { today: WorkerBody['today'] }) {
  const { first_token_p50_ms: p50, first_token_p95_ms: p95 } = today ?? {}
  if (p50 === undefined || p95 === undefined) return null
  return (
    <>
      {span(p50)}
      <span class="sub">p95 {span(p95)}</span>
    </>
  )
}

/** The peers that pass requests on; nobody has to know them until one has a warning. */
function Services() {
  const services = [...feed.value.peers.values()].filter(({ role }) => role !== 'worker')
  if (services.length === 0) return null
  return (
    <Section title="Services" note={`${counted(services.length, 'peer')} that pass requests on`}>
      <Table<PeerBody>
        label="Services"
        rows={services}
        keyOf={({ id }) => id}
        columns={[
          { name: 'Role', cell: ({ role }) => role },
          { name: 'Machine', cell: (peer) => nameOf(peer) },
          { name: 'Key', cell: ({ id }) => <code>{shortKey(id)}</code>, isMinor: true },
          { name: 'Version', cell: ({ version }) => version, isMinor: true },
          { name: 'Reached', cell: (peer) => linkText(peer) },
          { name: 'Warnings', cell: ({ warnings }) => warnings.join(' ') }
        ]}
      />
    </Section>
  )
}
