/** The catalogue: functions and pipelines that can be called by their names. */
import type { LibraryBody, ObjectBody } from '../../mesh/bodies.ts'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Empty, Loading, Page, Section, Tag, Trouble } from '../../ui/parts.tsx'
import { route, setFilters } from '../../ui/router.ts'
import { Table, type Column } from '../../ui/table.tsx'
import { ago, counted } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { ObjectScreen } from './object.tsx'
import { nameOfObject, Signature } from './signature.tsx'

const EVERY_MS = 10_000

export function FunctionsScreen() {
  const { id, filters } = route.value
  if (id !== undefined) return <ObjectScreen name={id} />
  const search = filters['search'] ?? ''
  return (
    <Page
      title="Functions"
      lead="Code that was published once, and runs on a machine of your choice."
    >
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <input
          type="search"
          placeholder="Search for a name"
          aria-label="Name or description"
          value={search}
          onInput={(event) => setFilters({ search: event.currentTarget.value.trim() })}
        />
      </form>
      <Objects search={search} />
      <Libraries />
    </Page>
  )
}

function Objects({ search }: { search: string }) {
  const query = search === '' ? '' : `&search=${encodeURIComponent(search)}`
  const { data, failure } = useRead<{ objects: ObjectBody[] }>(
    `v1/objects?limit=200${query}`,
    EVERY_MS
  )
  if (data === null) {
    return failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />
  }
  if (data.objects.length === 0) {
    return search === '' ? (
      <Empty command="haif fn publish totals.py">
        Nothing was published yet. This publishes the functions of a file:
      </Empty>
    ) : (
      <Empty>Nothing is called like that.</Empty>
    )
  }
  return (
    <Table<ObjectBody>
      label="Functions and pipelines"
      rows={data.objects}
      keyOf={nameOfObject}
      linkOf={(object) => linkTo('functions', nameOfObject(object))}
      columns={OBJECTS}
    />
  )
}

const OBJECTS: readonly Column<ObjectBody>[] = [
  {
    name: 'Name',
    cell: ({ name, owner, library }) => (
      <>
        {name}
        <span class="sub">
          {owner}/{library}
        </span>
      </>
    )
  },
  {
    name: 'What it does',
    cell: ({ signature, description }) => (
      <>
        <Signature signature={signature} />
        {description !== undefined && <span class="sub">{description.split('\n')[0]}</span>}
      </>
    ),
    isText: true
  },
  {
    name: 'Kind',
    cell: ({ kind, runtime }) => (
      <Tag tone={kind === 'pipeline' ? 'busy' : 'still'}>{runtime ?? kind}</Tag>
    )
  },
  { name: 'Version', cell: ({ version }) => version.number, isNumber: true },
  {
    name: 'Published',
    cell: ({ version }) => ago(Date.parse(version.created_at), now.value),
    isMinor: true
  }
]

function Libraries() {
  const { data } = useRead<{ libraries: LibraryBody[] }>('v1/libraries', EVERY_MS)
  const libraries = data?.libraries ?? []
  if (libraries.length === 0) return null
  return (
    <Section title="Libraries" note="who sees what, and where it runs">
      <Table<LibraryBody>
        label="Libraries"
        rows={libraries}
        keyOf={({ owner, library }) => `${owner}/${library}`}
        columns={[
          {
            name: 'Library',
            cell: ({ owner, library }) => <strong>{`${owner}/${library}`}</strong>
          },
          {
            name: 'Seen by',
            cell: ({ owner, visibility }) => (visibility === 'mesh' ? 'everybody' : owner)
          },
          { name: 'Granted to', cell: ({ grants = [] }) => grantees(grants) },
          { name: 'Runs on', cell: ({ policy }) => placeOf(policy) },
          { name: 'Objects', cell: ({ objects }) => counted(objects, 'object'), isMinor: true }
        ]}
      />
    </Section>
  )
}

const grantees = (grants: NonNullable<LibraryBody['grants']>): string =>
  grants.map(({ to }) => (to === '*' ? 'everybody' : to)).join(', ')

function placeOf({ machine, machines, warm }: LibraryBody['policy']): string {
  const place = machine ?? machines?.join(', ') ?? 'any machine'
  return warm === true ? `${place}, kept warm` : place
}
