/** What a relay asks of those for whom it forwards. */
import { Type } from 'typebox'
import { between } from './parties.ts'
import { defineMethod } from '#shared/rpc/contract.ts'

/**
 * To a peer that others dial: somebody without UDP waits at the relay's port for TLS, and the peer
 * may take the other end of its pipe there.
 */
export const relayOffer = defineMethod(
  'relay.offer',
  between(['relay'], ['gateway', 'orchestrator', 'registry', 'jobs']),
  Type.Object({
    token: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535 })
  }),
  Type.Object({})
)
