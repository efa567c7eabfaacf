/** What peers of one mesh tell each other about their membership. The bytes travel as base64. */
import { Type } from 'typebox'
import { between } from './parties.ts'
import { PeerRole, ROLES } from './role.ts'
import { defineMethod } from '#shared/rpc/contract.ts'

/** The largest list of revoked peers, in base64. */
const LIST_CHARACTERS_MAX = 192 * 1024
const CREDENTIALS_CHARACTERS_MAX = 1024
/** 50 KB; a mesh with more such peers is found through some of them. */
export const MEMBERS_MAX = 512

const Ack = Type.Object({})

/** Between all peers, on connecting and when it has changed: the list of revoked peers. */
export const tellRevocations = defineMethod(
  'mesh.revocations',
  between(ROLES, ROLES),
  Type.Object({ list: Type.String({ maxLength: LIST_CHARACTERS_MAX }) }),
  Ack
)

/** Between all peers: the caller's renewed certificate, which holds on this connection from now. */
export const showCertificate = defineMethod(
  'mesh.certificate',
  between(ROLES, ROLES),
  Type.Object({ certificate: Type.String({ maxLength: CREDENTIALS_CHARACTERS_MAX }) }),
  Ack
)

/** To a registry: the peers that others look for and that it is connected with. */
export const listMembers = defineMethod(
  'mesh.members',
  between(ROLES, ['registry']),
  Type.Object({}),
  Type.Object({
    members: Type.Array(
      Type.Object({ role: PeerRole, key: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
      { maxItems: MEMBERS_MAX }
    )
  })
)

/** To a registry that can sign: a new certificate like the caller's, and the epochs in use. */
export const renewCredentials = defineMethod(
  'mesh.renew',
  between(ROLES, ['registry']),
  Type.Object({}),
  Type.Object({ credentials: Type.String({ maxLength: CREDENTIALS_CHARACTERS_MAX }) })
)
