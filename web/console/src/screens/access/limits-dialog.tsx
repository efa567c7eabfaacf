/** The dialog that changes limits, and says first what will be different. */
import type { TenantBody, TokenBody } from '../../mesh/bodies.ts'
import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { Dialog } from '../../../../ui/dialog.tsx'
import { closePanel } from '../../../../ui/panels.ts'
import { perform } from '../../ui/perform.ts'
import { amount } from '../../view/figures.ts'
import { changedLimits, LIMITS, readAmount, unitOf } from '../../view/limits.ts'

type Changing = { kind: 'tenant'; thing: TenantBody } | { kind: 'token'; thing: TokenBody }

/** What the open dialog is about. */
export const changing = signal<Changing | null>(null)

export const LimitsDialog = () => (
  <Dialog name="limits" title={`Limits of ${nameOf(changing.value)}`}>
    <LimitsForm />
  </Dialog>
)

const nameOf = (changes: Changing | null): string => {
  if (changes === null) return ''
  return changes.kind === 'token' ? (changes.thing.name ?? changes.thing.id) : changes.thing.id
}

function LimitsForm() {
  const { kind, thing } = changing.value!
  const [texts, setTexts] = useState<Record<string, string>>(
    Object.fromEntries(LIMITS.map(([name]) => [name, thing.limits[name]?.toString() ?? '']))
  )
  const wished = Object.fromEntries(LIMITS.map(([name]) => [name, readAmount(texts[name]!)]))
  const wrong = LIMITS.find(([name]) => wished[name] === undefined)
  const changes = changedLimits(thing.limits, wished)
  const save = async () => {
    if (wrong !== undefined || changes.length === 0) return
    const limits = Object.fromEntries(changes.map(({ name, after }) => [name, after]))
    const wish = { params: { id: thing.id }, body: { limits } }
    const done = `The limits of ${nameOf(changing.value)} hold from now on.`
    const paths = ['v1/admin/t']
    if ((await perform(`${kind}.patch`, wish, { done, changes: paths })) !== null) closePanel()
  }
  return (
    <form class="form" onSubmit={(event) => (event.preventDefault(), void save())}>
      <p class="note">60, 20k or 1.5M; an empty field does not limit.</p>
      <div class="form-pairs">
        {LIMITS.map(([name, label], i) => (
          <label class="field wide" key={name}>
            {label}
            <input
              value={texts[name]}
              placeholder="no limit"
              inputMode="decimal"
              autocomplete="off"
              aria-invalid={wished[name] === undefined}
              {...(i === 0 ? { 'data-focus': true } : {})}
              onInput={(event) => setTexts({ ...texts, [name]: event.currentTarget.value })}
            />
          </label>
        ))}
      </div>
      <ul class="note" role="status" aria-label="What changes">
        {wrong !== undefined && <li class="note bad">{wrong[1]}: this is no amount.</li>}
        {changes.map(({ name, before, after }) => (
          <li key={name}>
            {unitOf(name)}: {before === undefined ? 'no limit' : amount(before)} →{' '}
            <strong>{after === null ? 'no limit' : amount(after)}</strong>
          </li>
        ))}
      </ul>
      <div class="dialog-actions">
        <button type="submit" class="primary" disabled={changes.length === 0}>
          Change
        </button>
      </div>
    </form>
  )
}
