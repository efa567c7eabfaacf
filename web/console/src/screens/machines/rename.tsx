/** The dialog that gives a machine another name. */
import { useRef } from 'preact/hooks'
import { Dialog } from '../../../../ui/dialog.tsx'
import { closePanel } from '../../../../ui/panels.ts'
import { nameOf } from '../../mesh/live.ts'
import { perform } from '../../ui/perform.ts'
import { chosen } from './orders.tsx'

export const RenameDialog = () => (
  <Dialog name="rename" title="Rename the machine">
    <RenameForm />
  </Dialog>
)

function RenameForm() {
  const input = useRef<HTMLInputElement>(null)
  const worker = chosen.value!
  const save = async () => {
    const name = input.current!.value.trim()
    const wish = { params: { id: worker.id }, body: { name } }
    if ((await perform('worker.rename', wish, { done: `It is called ${name} now.` })) !== null) {
      closePanel()
    }
  }
  return (
    <form class="form" onSubmit={(event) => (event.preventDefault(), void save())}>
      <label class="field wide">
        Name
        <small>A letter or digit, then up to 47 letters, digits, dots, underscores, hyphens.</small>
        <input
          ref={input}
          defaultValue={nameOf(worker)}
          maxLength={48}
          required
          pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
          autocomplete="off"
          spellcheck={false}
          data-focus
        />
      </label>
      <div class="dialog-actions">
        <button type="submit" class="primary">
          Rename
        </button>
      </div>
    </form>
  )
}
