/** In whose name a task asks a gateway. Pure. */
import { hash } from 'node:crypto'
import type { Behalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { ClaimedTask } from '../store/rows.ts'

/** `part`: of a task that asks several times. */
export function behalfOf(task: ClaimedTask, part = ''): Behalf {
  const { tenant_id: tenant, token_id: tokenId } = task
  // One for all attempts of the task: an answer is in the books once, whoever asks again.
  const usageId = hash('sha256', `${task.job_id}/${task.task_id}${part}`, 'base64url')
  return { tenant, usageId, ...(tokenId === null ? {} : { tokenId }) }
}
