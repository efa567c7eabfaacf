/**
 * Operators' orders to this worker. Each answers a challenge of the worker's own and is signed by a
 * gateway, so that nobody else can give one, and nobody can give one again.
 */
import { randomUUID } from 'node:crypto'
import { orderOf, type Order, type Statement } from '#shared/contracts/peers/order.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { check } from '#shared/rpc/check.ts'

const CHALLENGES_MAX = 64
/** From the challenge to the order. */
const ANSWER_MS_MAX = 60_000

/** An order, and the gateway that has signed it. */
interface SignedOrder extends Order {
  by: string
}

export class Orders {
  readonly #mesh: () => Pick<Mesh, 'key' | 'speakerOf'>
  readonly #now: () => number
  readonly #challenges = new BoundedMap<string, number>(CHALLENGES_MAX)

  /** `mesh`: asked for with the first order. */
  constructor(
    mesh: () => Pick<Mesh, 'key' | 'speakerOf'>,
    now: () => number = () => performance.now()
  ) {
    this.#mesh = mesh
    this.#now = now
  }

  challenge(): string {
    const nonce = randomUUID()
    this.#challenges.set(nonce, this.#now())
    return nonce
  }

  /** `act`: the only one that counts; any unless given. Throws FORBIDDEN with the reason. */
  take(statement: Statement, act?: Order['act']): SignedOrder {
    const mesh = this.#mesh()
    const by = mesh.speakerOf('order', statement, 'gateway')
    const order = check(orderOf, JSON.parse(statement.text), 'order')
    if (order.target !== mesh.key) throw refusal(`it is for ${order.target.slice(0, 16)}`)
    if (act !== undefined && order.act !== act) throw refusal('it orders something else')
    const askedAt = this.#challenges.get(order.nonce)
    this.#challenges.delete(order.nonce)
    if (askedAt === undefined || this.#now() - askedAt > ANSWER_MS_MAX) {
      throw refusal('it was used before, or came too late: give it again')
    }
    return { ...order, by }
  }
}

const refusal = (why: string): HaifError =>
  new HaifError('FORBIDDEN', `the order is not obeyed: ${why}`)
