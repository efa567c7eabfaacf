/**
 * Where peers of a role find each other on the DHT. A topic is public: whoever stores it sees it.
 * So it is derived from the mesh secret and tells nothing about it.
 */
import { createHmac } from 'node:crypto'
import type { ListeningRole } from '#shared/contracts/peers/role.ts'

export const SECRET_BYTES = 32

export function topicOf(secret: Buffer, role: ListeningRole): Buffer {
  return createHmac('sha256', secret).update(`haif/topic/${role}`).digest()
}
