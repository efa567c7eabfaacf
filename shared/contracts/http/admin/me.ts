/** `GET /v1/me`: who the caller is, what it may do, and what is left of its limits. */
import { Type, type Static } from 'typebox'
import { LimitUse } from '../../access/limits.ts'
import { PlainText } from '../../plain-text.ts'

const LIMITS_MAX = 32

export const Me = Type.Object({
  /** As the audit names the caller: the id of its token, or `anonymous`. */
  actor: Type.String({ maxLength: 128 }),
  tenant: Type.String({ maxLength: 128 }),
  /** Whether callers need a token here. */
  tokensNeeded: Type.Boolean(),
  token: Type.Optional(
    Type.Object({
      id: Type.String({ maxLength: 64 }),
      name: Type.Optional(PlainText(128)),
      expiresAt: Type.Optional(Type.Integer({ minimum: 0 }))
    })
  ),
  /** With those that one scope implies: an operator has all. */
  scopes: Type.Array(Type.String({ maxLength: 80 }), { maxItems: 32 }),
  /** Other tenants that it may ask for. */
  tenants: Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 }),
  /** Absent: all. */
  models: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })),
  limits: Type.Array(LimitUse, { maxItems: LIMITS_MAX })
})
export type Me = Static<typeof Me>
