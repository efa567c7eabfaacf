/** Signs a receipt for each attempt that has come to its end, after all of its items. */
import { randomUUID } from 'node:crypto'
import type { Receipt, SignedReceipt } from '#shared/contracts/inference/receipt.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'

/** The part of a receipt that the request says. */
export type Attempted = Omit<Receipt, 'id' | 'worker' | 'endedAt'>

export class Receipts {
  readonly #mesh: () => Pick<Mesh, 'key' | 'sign'>
  readonly #now: () => number

  /** `mesh`: asked for at the first receipt. `now`: milliseconds since 1970. */
  constructor(mesh: () => Pick<Mesh, 'key' | 'sign'>, now: () => number = Date.now) {
    this.#mesh = mesh
    this.#now = now
  }

  get now(): number {
    return this.#now()
  }

  sign(attempted: Attempted): SignedReceipt {
    const mesh = this.#mesh()
    const receipt: Receipt = {
      ...attempted,
      id: randomUUID(),
      worker: mesh.key,
      endedAt: this.#now()
    }
    const text = JSON.stringify(receipt)
    const signature = mesh.sign('receipt', Buffer.from(text)).toString('base64')
    return { receipt: text, signature }
  }
}
