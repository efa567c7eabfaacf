/** Who may ask, for how much, and how much of it is used. */
import type { LimitUseBody, TenantBody, TokenBody } from '../../mesh/bodies.ts'
import { signal } from '@preact/signals'
import { openPanel } from '../../../../ui/panels.ts'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Empty, Loading, Meter, Page, Section, Tag, Trouble } from '../../ui/parts.tsx'
import { confirm, perform } from '../../ui/perform.ts'
import { Table } from '../../ui/table.tsx'
import { ago, amount, fullMoment, span } from '../../view/figures.ts'
import { limitsText, unitOf } from '../../view/limits.ts'
import { changing } from './limits-dialog.tsx'
import { showSecret } from './new-token.tsx'

const EVERY_MS = 10_000
const TENANTS = 'v1/admin/tenants'
const TOKENS = 'v1/admin/tokens'
/** Revoked and expired tokens are history, and shown when asked for. */
const showsOld = signal(false)

export function AccessScreen() {
  return (
    <Page
      title="Access"
      lead="Tenants are charged and limited; tokens prove that somebody belongs to one."
      actions={
        <button type="button" class="primary" onClick={() => openPanel('newToken')}>
          Make a token
        </button>
      }
    >
      <Tenants />
      <Tokens />
    </Page>
  )
}

function Tenants() {
  const { data, failure } = useRead<{ tenants: TenantBody[] }>(TENANTS, EVERY_MS)
  return (
    <Section title="Tenants">
      {data === null ? (
        <Unread failure={failure} />
      ) : data.tenants.length === 0 ? (
        <Empty command="haif tenant set acme --rpm 600 --budget 20M/month">
          There are no tenants yet; the first token makes one. This makes one with limits:
        </Empty>
      ) : (
        <Table<TenantBody>
          label="Tenants"
          rows={data.tenants}
          keyOf={({ id }) => id}
          columns={[
            { name: 'Tenant', cell: ({ id }) => <strong>{id}</strong> },
            { name: 'Tokens', cell: ({ tokens }) => tokens, isNumber: true },
            {
              name: 'Limits, and used now',
              cell: (tenant) => <LimitsCell limits={tenant.limits} use={tenant.use} />
            },
            { name: '', cell: (tenant) => <TenantActions tenant={tenant} /> }
          ]}
        />
      )}
    </Section>
  )
}

const Unread = ({ failure }: { failure: ReturnType<typeof useRead>['failure'] }) =>
  failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />

function LimitsCell({ limits, use = [] }: Pick<TenantBody, 'limits' | 'use'>) {
  if (use.length === 0) return <span>{limitsText(limits) || 'none'}</span>
  return (
    <span class="meters wide">
      {use.map((each) => (
        <UseMeter key={each.limit} use={each} />
      ))}
    </span>
  )
}

const UseMeter = ({ use: { limit, max, used, resets_in_ms: ms } }: { use: LimitUseBody }) => (
  <Meter
    label={unitOf(limit)}
    used={used}
    total={max}
    text={`${amount(used)} of ${amount(max)}${
      ms === undefined || used === 0 ? '' : `, renews in ${span(ms)}`
    }`}
  />
)

function TenantActions({ tenant }: { tenant: TenantBody }) {
  const remove = () =>
    confirm({
      title: `Delete the tenant ${tenant.id}?`,
      text: 'Its limits are forgotten; what it has used stays in the books.',
      verb: `Delete ${tenant.id}`,
      act: () =>
        perform(
          'tenant.delete',
          { params: { id: tenant.id } },
          { done: `${tenant.id} is deleted.`, changes: [TENANTS] }
        )
    })
  return (
    <span class="row-actions">
      <Small
        text="Limits"
        label={`Limits of ${tenant.id}`}
        onClick={() => change({ kind: 'tenant', thing: tenant })}
      />
      {tenant.tokens === 0 && (
        <Small text="Delete" label={`Delete ${tenant.id}`} onClick={remove} />
      )}
    </span>
  )
}

function change(what: NonNullable<typeof changing.value>): void {
  changing.value = what
  openPanel('limits')
}

interface SmallProps {
  text: string
  label: string
  onClick: () => void
}

const Small = ({ text, label, onClick }: SmallProps) => (
  <button type="button" class="plain small" aria-label={label} onClick={onClick}>
    {text}
  </button>
)

function Tokens() {
  const { data, failure } = useRead<{ tokens: TokenBody[] }>(TOKENS, EVERY_MS)
  const all = data?.tokens ?? []
  const live = all.filter((token) => isLive(token))
  const shown = showsOld.value ? all : live
  return (
    <Section
      title="Tokens"
      actions={
        all.length > live.length && (
          <button
            type="button"
            class="plain small"
            onClick={() => (showsOld.value = !showsOld.value)}
          >
            {showsOld.value ? 'Hide' : 'Show'} {all.length - live.length} that are over
          </button>
        )
      }
    >
      {data === null ? (
        <Unread failure={failure} />
      ) : shown.length === 0 ? (
        <Empty command="haif token create --tenant acme">
          {all.length === 0
            ? 'There has been no token yet: whoever reaches this machine itself may ask. From the first one on, everybody needs one.'
            : 'No token is valid now, so nobody gets in. This makes one:'}
        </Empty>
      ) : (
        <TokenTable tokens={shown} />
      )}
    </Section>
  )
}

/** With it the `haif` command operates the mesh from the machine of a gateway. */
const OWN_KEY = 'operator-key'

const isLive = ({ revoked_at: revoked, expires_at: expires = Infinity }: TokenBody): boolean =>
  revoked === undefined && expires > now.value

const TokenTable = ({ tokens }: { tokens: TokenBody[] }) => (
  <Table<TokenBody>
    label="Tokens"
    rows={tokens}
    keyOf={({ id }) => id}
    columns={[
      {
        name: 'Token',
        cell: ({ name, kind, id, hint }) => (
          <>
            <strong>{name ?? (kind === OWN_KEY ? 'key of this machine' : 'no name')}</strong>
            <span class="sub">
              <code>
                {id} …{hint}
              </code>
            </span>
          </>
        )
      },
      { name: 'Tenant', cell: ({ tenant }) => tenant },
      {
        name: 'May',
        cell: ({ scopes }) => (
          <span class="chips">
            {scopes.map((scope) => (
              <span key={scope}>{scope}</span>
            ))}
          </span>
        )
      },
      {
        name: 'Limits, and used now',
        cell: (token) => <LimitsCell limits={token.limits} use={token.use} />
      },
      { name: 'Until', cell: (token) => <Until token={token} /> },
      {
        name: '',
        cell: (token) => isLive(token) && token.kind !== OWN_KEY && <TokenActions token={token} />
      }
    ]}
  />
)

function Until({ token }: { token: TokenBody }) {
  const { revoked_at: revoked, expires_at: expires, last_used_at: used } = token
  if (revoked !== undefined) return <Tag tone="still">revoked</Tag>
  if (expires !== undefined && expires <= now.value) return <Tag tone="still">expired</Tag>
  return (
    <>
      {expires === undefined ? (
        'for good'
      ) : (
        <span title={fullMoment(expires)}>{span(expires - now.value)}</span>
      )}
      {used !== undefined && <span class="sub">used {ago(used, now.value)}</span>}
    </>
  )
}

function TokenActions({ token }: { token: TokenBody }) {
  const { id, name = id } = token
  const rotate = () =>
    confirm({
      title: `Replace the secret of ${name}?`,
      text: 'It keeps its rights and limits. The secret of now is refused from then on.',
      verb: 'Replace it',
      act: async () => {
        const wish = { params: { id } }
        const changes = [TOKENS]
        const made = await perform<{ secret: string }>('token.rotate', wish, { done: '', changes })
        if (made !== null) showSecret(made.secret)
      }
    })
  const revoke = () =>
    confirm({
      title: `Revoke ${name}?`,
      text: 'Whoever uses it is refused at once. This cannot be taken back.',
      verb: `Revoke ${name}`,
      act: () =>
        perform(
          'token.revoke',
          { params: { id } },
          { done: `${name} is revoked.`, changes: [TOKENS, TENANTS] }
        )
    })
  return (
    <span class="row-actions">
      <Small
        text="Limits"
        label={`Limits of ${name}`}
        onClick={() => change({ kind: 'token', thing: token })}
      />
      <Small text="Replace" label={`Replace the secret of ${name}`} onClick={rotate} />
      <Small text="Revoke" label={`Revoke ${name}`} onClick={revoke} />
    </span>
  )
}
