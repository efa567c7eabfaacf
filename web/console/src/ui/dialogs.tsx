/** Everything that opens over the console. */
import { Dialog } from '../../../ui/dialog.tsx'
import { MeshError } from '../../../ui/mesh/failure.ts'
import { keep, type Access } from '../../../ui/mesh/access.ts'
import { NoticeList } from '../../../ui/notice-list.tsx'
import { closePanel } from '../../../ui/panels.ts'
import { TokenDialog } from '../../../ui/token-dialog.tsx'
import { forgetFeed } from '../mesh/live.ts'
import { failureOf, forgetReads, readOnce } from '../mesh/read.ts'
import { LimitsDialog } from '../screens/access/limits-dialog.tsx'
import { NewTokenDialog, SecretDialog } from '../screens/access/new-token.tsx'
import { AddMachineDialog } from '../screens/machines/add-machine.tsx'
import { LoadModelDialog } from '../screens/machines/load-model.tsx'
import { RenameDialog } from '../screens/machines/rename.tsx'
import { ShortcutsPanel } from './keys.tsx'
import { question } from './perform.ts'

export const Dialogs = () => (
  <>
    <TokenDialog
      give={giveToken}
      onForget={forgetAll}
      command="haif token create --scope operator"
    />
    <ShortcutsPanel />
    <ConfirmDialog />
    <AddMachineDialog />
    <LoadModelDialog />
    <RenameDialog />
    <NewTokenDialog />
    <SecretDialog />
    <LimitsDialog />
    <NoticeList />
  </>
)

function ConfirmDialog() {
  const { title = '', text = '', verb = '', act } = question.value ?? {}
  const go = () => {
    closePanel()
    act?.()
  }
  return (
    <Dialog name="confirm" title={title}>
      <p>{text}</p>
      <div class="dialog-actions">
        <button type="button" class="plain danger" onClick={go}>
          {verb}
        </button>
        <button type="button" class="plain" data-focus onClick={closePanel}>
          Leave it
        </button>
      </div>
    </Dialog>
  )
}

/** A token for the console is one that may see the mesh. */
async function giveToken(given: Access, signal: AbortSignal) {
  try {
    await readOnce('v1/admin/mesh', given.token)
    signal.throwIfAborted()
    keep(given)
    return null
  } catch (error) {
    if (error instanceof MeshError && error.failure.code === 'FORBIDDEN') return tooLittle(error)
    return failureOf(error)
  }
}

const tooLittle = ({ failure }: MeshError) => ({
  ...failure,
  message:
    'This token may ask models, but not see the mesh: it needs the scope operator or observer.'
})

function forgetAll(): void {
  forgetFeed()
  forgetReads()
}
