/** The dialog that changes limits, and says first what will be different. */
import type { TenantBody } from '../../mesh/bodies.ts'
import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { Dialog } from '../../../../ui/dialog.tsx'
import { closePanel } from '../../../../ui/panels.ts'
import { perform } from '../../ui/perform.ts'
import { amount } from '../../view/figures.ts'
import { changedLimits, LIMITS, readAmount, unitOf, withChanges } from '../../view/limits.ts'

/** The tenant that the open dialog is about. */
export const changing = signal<TenantBody | null>(null)

export const LimitsDialog = () => (
  <Dialog name="limits" title={`Limits of ${changing.value?.id ?? ''}`}>
    <LimitsForm />
  </Dialog>
)

function LimitsForm() {
  const { id, limits: before } = changing.value!
  const [texts, setTexts] = useState<Record<string, string>>(
    Object.fromEntries(LIMITS.map(([name]) => [name, before[name]?.toString() ?? '']))
  )
  const wished = Object.fromEntries(LIMITS.map(([name]) => [name, readAmount(texts[name]!)]))
  const wrong = LIMITS.find(([name]) => wished[name] === undefined)
  const changes = changedLimits(before, wished)
  const save = async () => {
    if (wrong !== undefined || changes.length === 0) return
    const manner = { done: `The limits of ${id} hold from now on.`, changes: ['v1/admin/t'] }
    const body = { id, limits: withChanges(before, changes) }
    if ((await perform('tenant.set', { body }, manner)) !== null) closePanel()
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
        {changes.map(({ name, before: was, after }) => (
          <li key={name}>
            {unitOf(name)}: {was === undefined ? 'no limit' : amount(was)} →{' '}
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
