/** An error, and the button that helps. */
import type { Failure } from './mesh/failure.ts'
import { Icon } from './icons.tsx'
import { openPanel } from './panels.ts'
import { askForToken } from './token-panel.ts'

interface FailureBoxProps extends Remedies {
  failure: Failure
}

/** The actions that a failure may offer. */
interface Remedies {
  onRetry: () => void
  onEdit: () => void
  onNewChat: () => void
}

export function FailureBox({ failure, ...remedies }: FailureBoxProps) {
  const { label, act } = remedyOf(failure, remedies)
  return (
    <div class="failure">
      <Icon name="alert" />
      <div>
        <p>{failure.message}</p>
        <p class="failure-code">
          {failure.code}
          {failure.detail !== undefined && <> · {failure.detail}</>}
          {failure.requestId !== undefined && <> · request {failure.requestId}</>}
        </p>
      </div>
      <button type="button" class="plain" onClick={act}>
        {label}
      </button>
    </div>
  )
}

function remedyOf(
  { remedy }: Failure,
  { onRetry, onEdit, onNewChat }: Remedies
): { label: string; act: () => void } {
  switch (remedy) {
    case 'retry':
      return { label: 'Retry', act: onRetry }
    case 'newChat':
      return { label: 'Ask in a new chat', act: onNewChat }
    case 'edit':
      return { label: 'Edit', act: onEdit }
    case 'chooseModel':
      return { label: 'Models', act: () => openPanel('models') }
    case 'settings':
      return { label: 'Settings', act: () => openPanel('settings') }
    case 'token':
      return { label: 'Enter token', act: () => askForToken(onRetry) }
  }
}
