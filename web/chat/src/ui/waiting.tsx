/** Before the first token: what it waits for. */
import type { Writing } from '../chat/answering.ts'
import { duration } from '../../../ui/format.ts'

export function Waiting({ writing: { queue } }: { writing: Writing }) {
  return (
    <p class="waiting" role="status">
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {queue === null ? 'Waiting for the first token' : placeInLine(queue)}
    </p>
  )
}

function placeInLine({ ahead, waitMs }: NonNullable<Writing['queue']>): string {
  const place =
    ahead === 0
      ? 'All workers are busy: you are next'
      : `All workers are busy: ${ahead} ${ahead === 1 ? 'request' : 'requests'} before yours`
  return waitMs > 0 ? `${place}, about ${duration(waitMs)}` : place
}
