/** A jobs service of this machine, configured by the environment. */
import { readFileSync } from 'node:fs'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Place } from '#shared/main/place.ts'
import { readString, type Environment } from '#shared/process/config.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Store } from '#shared/store/store.ts'
import { readS3 } from './artifacts/copies.ts'
import { createJobs } from './jobs.ts'
import { readPolicy } from './policy/read-policy.ts'

interface OpenJobsOptions extends Place {
  env: Environment
  /** Started before. Null: no job is taken. */
  store: Store | null
  opensLater?: boolean
}

export function openJobs(options: OpenJobsOptions): Service {
  const policy = policyFile(options.env)
  const s3 = readS3(options.env)
  return createJobs({ ...options, s3, ...(policy === undefined ? {} : { policy }) })
}

/** `HAIF_POLICY_FILE`: YAML that is in force from the start, until another policy is set. */
function policyFile(env: Environment): string | undefined {
  const path = readString(env, 'HAIF_POLICY_FILE', '')
  if (path === '') return undefined
  try {
    const yaml = readFileSync(path, 'utf8')
    readPolicy(yaml)
    return yaml
  } catch (cause) {
    throw new HaifError('CONFIG_INVALID', `HAIF_POLICY_FILE, ${path}: ${reasonOf(cause)}`, {
      cause
    })
  }
}
