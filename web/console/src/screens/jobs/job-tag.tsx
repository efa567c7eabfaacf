/** The state of a job or a task. */
import type { JobBody } from '../../mesh/bodies.ts'
import { Tag, type Tone } from '../../ui/parts.tsx'

const TONES: Record<JobBody['status'], Tone> = {
  Queued: 'still',
  Assigned: 'busy',
  Running: 'busy',
  Completed: 'good',
  Failed: 'bad',
  Canceled: 'still',
  Archived: 'still'
}

export const JobTag = ({ status }: { status: JobBody['status'] }) => (
  <Tag tone={TONES[status]}>{status.toLowerCase()}</Tag>
)
