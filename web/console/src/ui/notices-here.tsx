/** What holds for every screen: no connection, or no right to see anything. */
import { refused } from '../../../ui/mesh/access.ts'
import { Icon } from '../../../ui/icons.tsx'
import { askForToken } from '../../../ui/token-panel.ts'
import { feed, streamFailure } from '../mesh/live.ts'

export function NoticesHere() {
  if (refused.value !== null) {
    return (
      <div class="bar" role="status">
        <Icon name="key" />
        <span>
          {refused.value === 'noToken'
            ? 'This mesh shows itself only to those who have a token.'
            : 'The token is no longer accepted.'}
        </span>
        <button type="button" class="plain small" onClick={() => askForToken()}>
          Enter token
        </button>
      </div>
    )
  }
  if (streamFailure.value === null) return null
  const { code, message } = streamFailure.value
  const text =
    code === 'FORBIDDEN'
      ? message
      : `Out of touch with the mesh, trying again. ${feed.value.isReady ? 'Below is how it was.' : message}`
  return (
    <div class="bar" role="status">
      <Icon name="alert" />
      <span>{text}</span>
      {code === 'FORBIDDEN' && (
        <button type="button" class="plain small" onClick={() => askForToken()}>
          Enter another token
        </button>
      )}
    </div>
  )
}
