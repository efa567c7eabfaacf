/** The seal of a permit, and the statement that a gateway signs about the key of its seals. */
import { createHmac, type KeyObject } from 'node:crypto'
import type { SealedPermit } from '#shared/contracts/access/permit.ts'

export function sealOf(permit: string, secret: KeyObject): string {
  return createHmac('sha256', secret).update(permit).digest('base64')
}

export function keyStatement({
  secret,
  expiresAt
}: Omit<SealedPermit['key'], 'signature'>): Buffer {
  return Buffer.from(`${expiresAt}/${secret}`)
}
