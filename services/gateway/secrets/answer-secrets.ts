/** Answers tenants about their secrets, and jobs services that need them for a run. */
import { gatewayOpenSecrets } from '#shared/contracts/functions/run-rights.ts'
import {
  gatewayGrantSecret,
  gatewayListSecrets,
  gatewayRemoveSecret,
  gatewaySetSecret,
  type SecretGrant
} from '#shared/contracts/functions/secrets.ts'
import { HaifError } from '#shared/errors.ts'
import { JobCallers, type JobsDeps } from '../jobs/jobs.ts'
import type { FunctionAct } from '../functions/credentials.ts'
import type { ServerContext } from '#shared/rpc/router.ts'

/** `owner/library`, `owner/library/object`. */
const GRANT =
  /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})\/([A-Za-z_][A-Za-z0-9_-]{0,63})(?:\/([A-Za-z_][A-Za-z0-9_-]{0,63}))?$/

export function answerSecrets(deps: JobsDeps): void {
  const { router, access } = deps
  const callers = new JobCallers(deps)
  const secrets = () => access.stored.secrets
  const noted = async (act: FunctionAct, name: string, context: ServerContext, details = {}) => {
    const principal = await callers.identifyAct(act, context)
    const { tenant } = principal
    // It is in the audit before it counts; the value is nowhere in it.
    const target = `${tenant}/${name}`
    await callers.note(principal, context, { chain: tenant, action: act, target, details })
    return { tenant, by: principal.actor }
  }
  router
    .respond(gatewayListSecrets, async (_, context) => {
      const { tenant } = await callers.identifyAct('secret.list', context)
      return { secrets: await secrets().list(tenant) }
    })
    .respond(gatewaySetSecret, async ({ name, value }, context) => {
      const { tenant, by } = await noted('secret.set', name, context)
      return secrets().set({ tenant, name }, value, by)
    })
    .respond(gatewayRemoveSecret, async ({ name }, context) => {
      const { tenant } = await noted('secret.remove', name, context)
      return secrets().remove({ tenant, name })
    })
    .respond(gatewayGrantSecret, async ({ name, to, withdraw = false }, context) => {
      const { tenant } = await noted('secret.grant', name, context, { to, withdraw })
      return secrets().grant({ tenant, name }, grantOf(to), withdraw)
    })
    .respond(gatewayOpenSecrets, ({ tenant, of, names }) => secrets().open(tenant, of, names))
}

function grantOf(text: string): SecretGrant {
  const [, owner, library, object] = GRANT.exec(text) ?? []
  if (owner !== undefined && library !== undefined) {
    return object === undefined ? { owner, library } : { owner, library, object }
  }
  throw new HaifError('VALIDATION_FAILED', `to ${text} is no library and no object: write o/l/f`, {
    details: { param: 'to' }
  })
}
