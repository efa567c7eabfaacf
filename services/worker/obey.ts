/** What a worker does when an operator's order has come to it; `Orders` has checked whose it is. */
import type { EnvironmentAct } from '#shared/contracts/functions/environments.ts'
import type { LabelChanges } from '#shared/contracts/http/admin/workers.ts'
import type { Obeyed } from '#shared/contracts/peers/drain.ts'
import type { Order, Statement } from '#shared/contracts/peers/order.ts'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import type { KeptOrders } from './kept-orders.ts'
import type { OrderedModels } from './models/ordered-models.ts'
import type { Orders } from './orders.ts'
import { tellOrder } from './tell-order.ts'

interface Obedient {
  orders: Orders
  models: OrderedModels
  /** Remembers what was obeyed. */
  kept: KeptOrders
  pause: (isPaused: boolean) => void
  /** Says it to whoever watches the command. */
  tell: (sentence: string) => void
  label: (changes: LabelChanges) => Record<string, string>
  environment: (act: EnvironmentAct) => Promise<void>
  log: Logger
}

export async function obey(
  { orders, log, kept, tell, ...obedient }: Obedient,
  statement: Statement
): Promise<Obeyed> {
  const order = orders.take(statement)
  const { act, actor, by: gateway, requestId, model, environment } = order
  log.info({ act, model, environment, actor, gateway, requestId }, 'an operator orders this worker')
  const { models } = obedient
  const uriBefore = model === undefined ? undefined : models.uriOf(model.name)
  const obeyed = await carryOut(order, obedient)
  kept.obeyed(order, model === undefined ? undefined : (models.uriOf(model.name) ?? uriBefore))
  tell(tellOrder(act, actor, model))
  return obeyed
}

async function carryOut(
  { act, labels = {}, model, environment }: Order,
  { models, pause, label, environment: change }: Omit<Obedient, 'orders' | 'kept' | 'tell' | 'log'>
): Promise<Obeyed> {
  switch (act) {
    case 'worker.pause':
    case 'worker.resume':
      pause(act === 'worker.pause')
      return {}
    case 'worker.label':
      return { labels: label(labels) }
    case 'worker.model':
      if (model !== undefined) return models.obey(model)
      throw unknownOrder(act)
    case 'worker.environment':
      if (environment === undefined) throw unknownOrder(act)
      await change(environment)
      return {}
    case 'worker.drain':
      throw unknownOrder(act) // that has a call of its own
  }
}

const unknownOrder = (act: Order['act']): HaifError =>
  new HaifError('VALIDATION_FAILED', `the order ${act} says too little`)
