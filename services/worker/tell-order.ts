/** An operator's order in a sentence, for whoever sits at the machine that obeys it. */
import type { Order } from '#shared/contracts/peers/order.ts'
import { plainText } from '#shared/contracts/plain-text.ts'

const ACTOR_CHARACTERS_MAX = 64

const DONE: Record<Order['act'], string> = {
  'worker.drain':
    'lets this machine go: it finishes what runs and leaves the mesh; "haif join" brings it back',
  'worker.pause': 'drains this machine: it takes nothing new until an operator resumes it',
  'worker.resume': 'lets this machine take requests again',
  'worker.label': 'has changed the labels of this machine',
  'worker.model': 'has told this machine what to do with a model',
  'worker.environment': 'has told this machine what to do with an environment'
}

/** `actor`: the id of the operator's token. */
export function tellOrder(act: Order['act'], actor: string, model?: Order['model']): string {
  const who = `an operator (token ${plainText(actor, ACTOR_CHARACTERS_MAX)})`
  return model === undefined
    ? `${who} ${DONE[act]}`
    : `${who} tells this machine: ${model.action} ${model.name}`
}
