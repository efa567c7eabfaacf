/** What went wrong, and the button that helps. */
import type { Failure } from '../mesh/failure.ts'
import { Icon } from './icons.tsx'
import { openPanel } from './panels.ts'
import { newChat } from './shortcuts.tsx'

interface FailureBoxProps {
  failure: Failure
  onRetry: () => void
}

export function FailureBox({ failure, onRetry }: FailureBoxProps) {
  const { label, act } = remedyOf(failure, onRetry)
  return (
    <div class="failure">
      <Icon name="alert" />
      <div>
        <p>{failure.message}</p>
        <p class="failure-code">
          {failure.code}
          {failure.requestId !== undefined && <> · request {failure.requestId}</>}
        </p>
      </div>
      <button type="button" class="plain" onClick={act}>
        {label}
      </button>
    </div>
  )
}

function remedyOf({ remedy }: Failure, onRetry: () => void): { label: string; act: () => void } {
  switch (remedy) {
    case 'retry':
      return { label: 'Retry', act: onRetry }
    case 'newChat':
      return { label: 'New chat', act: newChat }
    case 'chooseModel':
      return { label: 'Models', act: () => openPanel('models') }
    case 'settings':
      return { label: 'Settings', act: () => openPanel('settings') }
  }
}
