/** What the policy in force says about a place for a task. */
import type { PolicyDocument } from '#shared/contracts/jobs/policy.ts'
import type { Forbids } from '../run/worker-runner.ts'
import { decide, type PolicyFacts } from './decide.ts'

/** While the policy cannot be read nothing may run: `policy` throws, and the place waits. */
export const forbidsBy =
  (policy: () => PolicyDocument): Forbids =>
  (needs, tenant, place) => {
    const { jobType = '', priority = '', dataClassification = '', networkIsolation = '' } = needs
    const facts: PolicyFacts = {
      tenant,
      jobType,
      priority,
      policy: needs.policy ?? '',
      dataClassification,
      networkIsolation,
      taskType: needs.type,
      model: needs.model ?? '',
      requiresGpu: needs.gpu ?? false,
      // In the mesh the region of the worker is not known before it is chosen.
      ...(place === null ? {} : { workerLocality: place.region ?? '' })
    }
    const { allowed, reason } = decide(policy(), facts)
    return allowed ? null : `a worker that the policy allows (${reason})`
  }
