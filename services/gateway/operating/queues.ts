/** What runs and waits at all orchestrators, put together. */
import { QUEUE_LISTED_MAX, type QueueView } from '#shared/contracts/http/admin/queue.ts'
import { orchestratorQueue } from '#shared/contracts/peers/operating.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { childContext, type RequestContext } from '#shared/rpc/context.ts'

/** One that cannot say what it does is left out: the others are worth seeing. */
export async function readQueues(mesh: Mesh, context: RequestContext): Promise<QueueView> {
  const links = mesh.links('orchestrator')
  const views = await Promise.all(
    links.map(async (link) => {
      using own = childContext(context)
      try {
        return await link.call(orchestratorQueue, {}, own)
      } catch {
        return null
      }
    })
  )
  return together(views.filter((view) => view !== null))
}

export function together(views: readonly QueueView[]): QueueView {
  const models = new Map<string, QueueView['models'][number]>()
  for (const { model, running, waiting, slots } of views.flatMap((view) => view.models)) {
    const sum = models.get(model) ?? { model, running: 0, waiting: 0, slots: 0 }
    sum.running += running
    sum.waiting += waiting
    sum.slots = Math.max(sum.slots, slots) // every orchestrator counts the same slots
    models.set(model, sum)
  }
  const requests = views
    .flatMap((view) => view.requests)
    .toSorted(
      (a, b) => Number(a.worker !== undefined) - Number(b.worker !== undefined) || b.ageMs - a.ageMs
    )
    .slice(0, QUEUE_LISTED_MAX)
  const [defaultModel] = views.flatMap((view) => view.defaultModel ?? [])
  return {
    running: views.reduce((sum, { running }) => sum + running, 0),
    waiting: views.reduce((sum, { waiting }) => sum + waiting, 0),
    models: [...models.values()],
    requests,
    ...(defaultModel === undefined ? {} : { defaultModel })
  }
}
