/** Answers jobs services, which ask for the tasks of tenants whose jobs were let in before. */
import { embedOnBehalf, inferOnBehalf, type Behalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { Charge } from '#shared/contracts/inference/request.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { Callers } from './admit.ts'
import { embedAdmitted } from './embeddings.ts'
import { inferAdmitted, type AdmittedDeps } from './inference.ts'

/** `admitted` throws while the gateway stops. */
export function answerOnBehalf(
  router: Router,
  admitted: () => Omit<AdmittedDeps, 'callers'> & { callers: Callers }
): void {
  const depsFor = (behalf: Behalf): AdmittedDeps => {
    const { callers, ...deps } = admitted()
    return { ...deps, callers: callers.onBehalf(behalf) }
  }
  router
    .serve(inferOnBehalf, ({ behalf, asked, handling }, context) =>
      inferAdmitted(depsFor(behalf), { asked, handling, charge: chargeOf(behalf) }, context)
    )
    .respond(embedOnBehalf, ({ behalf, asked }, context) =>
      embedAdmitted(depsFor(behalf), { asked, charge: chargeOf(behalf) }, context)
    )
}

function chargeOf({ tenant: tenantId, usageId }: Behalf): Charge {
  return usageId === undefined ? { tenantId } : { tenantId, usageId }
}
