/** The seal of a permit, and the statement that a gateway signs about the key of its seals. */
import { createHmac } from 'node:crypto'
import type { SealedPermit } from '#shared/contracts/access/permit.ts'

export function sealOf(permit: string, secret: Buffer): string {
  return createHmac('sha256', secret).update(permit).digest('base64')
}

export function keyStatement({
  secret,
  expiresAt
}: Omit<SealedPermit['key'], 'signature'>): Buffer {
  return Buffer.from(`${expiresAt}/${secret}`)
}
