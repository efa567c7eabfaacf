/** The dialog that makes a token, and the one that shows its secret this once. */
import type { TenantBody } from '../../mesh/bodies.ts'
import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { CopyAction } from '../../../../ui/action.tsx'
import { Dialog } from '../../../../ui/dialog.tsx'
import { openPanel } from '../../../../ui/panels.ts'
import { feed } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { CommandLine } from '../../ui/parts.tsx'
import { perform } from '../../ui/perform.ts'
import { readAmount } from '../../view/limits.ts'

const secret = signal('')
const SEEN_EVERY_MS = 60_000
const DAY_MS = 86_400_000

export function showSecret(made: string): void {
  secret.value = made
  openPanel('newSecret')
}

export const SecretDialog = () => (
  <Dialog name="newSecret" title="The token" onClosed={() => (secret.value = '')}>
    <p>It is shown this once and kept nowhere. Copy it now.</p>
    <div class="secret key-line">
      <code>{secret.value}</code>
      <CopyAction text={secret.value} label="Copy the token" />
    </div>
    <p class="note">Ask with it:</p>
    <CommandLine text={curlWith(secret.value)} />
  </Dialog>
)

const curlWith = (token: string): string =>
  `curl -N ${location.origin}/infer -H 'authorization: Bearer ${token}' ` +
  `-H 'content-type: application/json' -d '{"prompt":"What is HAIF?"}'`

export const NewTokenDialog = () => (
  <Dialog name="newToken" title="Make a token">
    <NewToken />
  </Dialog>
)

const SCOPES = [
  ['infer', 'ask models'],
  ['jobs', 'run jobs'],
  ['observer', 'see this console'],
  ['operator', 'do everything'],
  ['models:write', 'load and delete models'],
  ['metrics', 'read /metrics']
] as const
const LIVES = ['', '1', '7', '30', '90', '365'] as const
type Days = (typeof LIVES)[number]

function NewToken() {
  const tenants = useRead<{ tenants: TenantBody[] }>('v1/admin/tenants', SEEN_EVERY_MS).data
    ?.tenants
  const [tenant, setTenant] = useState('')
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<readonly string[]>(['infer'])
  const [days, setDays] = useState<Days>('')
  const [perMinute, setPerMinute] = useState('')
  const isNew = tenant !== '' && tenants?.every(({ id }) => id !== tenant) === true
  const make = async () => {
    const rate = readAmount(perMinute)
    const body = {
      tenant: tenant.trim() || 'default',
      scopes,
      ...(name.trim() === '' ? {} : { name: name.trim() }),
      ...(days === '' ? {} : { expires_in_ms: Number(days) * DAY_MS }),
      ...(typeof rate === 'number' ? { limits: { requests_per_minute: rate } } : {})
    }
    const changes = ['v1/admin/t']
    const made = await perform<{ secret: string }>('token.create', { body }, { done: '', changes })
    if (made !== null) showSecret(made.secret)
  }
  return (
    <form class="form" onSubmit={(event) => (event.preventDefault(), void make())}>
      {feed.value.mesh?.tokens_needed === false && <FirstToken />}
      <div class="form-pairs">
        <label class="field wide">
          Tenant
          <input
            value={tenant}
            list="known-tenants"
            placeholder="default"
            autocomplete="off"
            data-focus
            onInput={(event) => setTenant(event.currentTarget.value)}
          />
          <datalist id="known-tenants">
            {tenants?.map(({ id }) => (
              <option key={id} value={id} />
            ))}
          </datalist>
        </label>
        <label class="field wide">
          Name
          <input
            value={name}
            placeholder="who or what uses it"
            maxLength={128}
            autocomplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <Validity days={days} onChange={setDays} />
        <label class="field wide">
          Requests a minute
          <input
            value={perMinute}
            placeholder="no limit"
            inputMode="decimal"
            autocomplete="off"
            onInput={(event) => setPerMinute(event.currentTarget.value)}
          />
        </label>
      </div>
      <Scopes chosen={scopes} onChange={setScopes} />
      {isNew && (
        <p class="note">
          <strong>{tenant}</strong> is a new tenant, without limits of its own.
        </p>
      )}
      <div class="dialog-actions">
        <button type="submit" class="primary" disabled={scopes.length === 0}>
          Make it
        </button>
      </div>
    </form>
  )
}

const FirstToken = () => (
  <p class="bar-in">
    This will be the first token. From then on everybody needs one: this console, the chat page and
    every client on this machine, too. Give it “do everything” to go on here.
  </p>
)

interface ValidityProps {
  days: Days
  onChange: (days: Days) => void
}

const Validity = ({ days, onChange }: ValidityProps) => (
  <label class="field wide">
    Valid
    <select value={days} onChange={(event) => onChange(event.currentTarget.value as Days)}>
      {LIVES.map((each) => (
        <option key={each} value={each}>
          {each === '' ? 'for good' : each === '1' ? 'for a day' : `for ${each} days`}
        </option>
      ))}
    </select>
  </label>
)

interface ScopesProps {
  chosen: readonly string[]
  onChange: (scopes: readonly string[]) => void
}

const Scopes = ({ chosen, onChange }: ScopesProps) => (
  <fieldset class="checks">
    <legend>It may</legend>
    {SCOPES.map(([scope, text]) => (
      <label class="check" key={scope}>
        <input
          type="checkbox"
          checked={chosen.includes(scope)}
          onChange={({ currentTarget }) =>
            onChange(
              currentTarget.checked ? [...chosen, scope] : chosen.filter((each) => each !== scope)
            )
          }
        />
        <span>{text}</span>
      </label>
    ))}
  </fieldset>
)
