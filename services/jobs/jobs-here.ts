/** A jobs service of this machine, configured by the environment. */
import type { Place } from '#shared/main/place.ts'
import type { Environment } from '#shared/process/config.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Store } from '#shared/store/store.ts'
import { createJobs } from './jobs.ts'

interface OpenJobsOptions extends Place {
  env: Environment
  /** Started before. Null: no job is taken. */
  store: Store | null
}

export function openJobs(options: OpenJobsOptions): Service {
  return createJobs(options)
}
