/** An error, and the button that helps. */
import { useEffect, useState } from 'preact/hooks'
import type { Failure } from './mesh/failure.ts'
import { duration } from './format.ts'
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
        {failure.retryAt !== undefined && (
          <Countdown until={failure.retryAt} onEnd={remedies.onRetry} />
        )}
      </div>
      <button type="button" class="plain" onClick={act}>
        {label}
      </button>
    </div>
  )
}

/** A limit that was reached before the page was loaded has passed, and nobody waits any more. */
const LATE_MS_MAX = 5000
const TICK_MS = 500

/** Counts the seconds of a limit down, and then tries again by itself. */
function Countdown({ until, onEnd }: { until: number; onEnd: () => void }) {
  const [leftMs, setLeftMs] = useState(until - Date.now())
  useEffect(() => {
    if (until - Date.now() < -LATE_MS_MAX) return
    const timer = setInterval(() => {
      const left = until - Date.now()
      setLeftMs(left)
      if (left > 0) return
      clearInterval(timer)
      onEnd()
    }, TICK_MS)
    return () => clearInterval(timer)
  }, [until])
  if (leftMs <= 0) return null
  const seconds = Math.ceil(leftMs / 1000)
  return (
    <p class="countdown">
      It is asked again by itself in{' '}
      {seconds < 100 ? `${seconds} s` : duration(Math.ceil(leftMs / 60_000) * 60_000)}.
    </p>
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
