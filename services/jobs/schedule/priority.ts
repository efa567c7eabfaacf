/**
 * Who goes first. A task's rank is the time since when it is ready, less a head start by its
 * priority: so an interactive task overtakes batch work that has come up to ten minutes before it,
 * and whoever has waited longer than that goes first. A rank never changes while a task waits, so
 * ageing costs nothing.
 */
import type { JobPriority } from '#shared/contracts/jobs/submit.ts'

const HEAD_START_MS: Record<JobPriority, number> = {
  interactive: 600_000,
  standard: 60_000,
  batch: 0
}

export const headStartMs = (priority: JobPriority): number => HEAD_START_MS[priority]
