/** Secrets of a tenant, and the functions that get them. A value goes in, and only to a run out. */
import { Type, type Static } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { TenantName } from '../jobs/submit.ts'
import { FROM_CALLERS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { ObjectName, SECRET_NAME_PATTERN } from './bundle.ts'

const SECRETS_MAX = 256
const GRANTS_MAX = 64
const VALUE_CHARACTERS_MAX = 16_384
/** A shorter one cannot be kept out of what a function prints: it would be found in every text. */
export const VALUE_CHARACTERS_MIN = 8
/** Of one function. */
export const SECRETS_OF_ONE_MAX = 16

/** Also the name of its file. */
export const SecretName = Type.String({ pattern: SECRET_NAME_PATTERN })

/** A library, or one object in it. */
const SecretGrant = Type.Object({
  owner: TenantName,
  library: ObjectName,
  object: Type.Optional(ObjectName)
})
export type SecretGrant = Static<typeof SecretGrant>

export const SecretView = Type.Object({
  name: SecretName,
  changedAt: Type.Integer({ minimum: 0 }),
  grants: Type.Array(SecretGrant, { maxItems: GRANTS_MAX })
})
export type SecretView = Static<typeof SecretView>
export const SecretList = Type.Object({
  secrets: Type.Array(SecretView, { maxItems: SECRETS_MAX })
})

export const SetSecret = Type.Object({
  value: Type.String({ minLength: VALUE_CHARACTERS_MIN, maxLength: VALUE_CHARACTERS_MAX })
})
export const GrantSecret = Type.Object({
  /** `owner/library`, or `owner/library/object`. */
  to: PlainText(200, 3),
  withdraw: Type.Optional(Type.Boolean())
})

const Named = { name: SecretName }
export const gatewayListSecrets = defineMethod(
  'gateway.listSecrets',
  FROM_CALLERS,
  Type.Object({}),
  SecretList
)
export const gatewaySetSecret = defineMethod(
  'gateway.setSecret',
  FROM_CALLERS,
  Type.Object({ ...Named, ...SetSecret.properties }),
  SecretView
)
export const gatewayRemoveSecret = defineMethod(
  'gateway.removeSecret',
  FROM_CALLERS,
  Type.Object(Named),
  SecretView
)
export const gatewayGrantSecret = defineMethod(
  'gateway.grantSecret',
  FROM_CALLERS,
  Type.Object({ ...Named, ...GrantSecret.properties }),
  SecretView
)
