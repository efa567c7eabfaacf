/** Chooses the model of a job by the routes of the policy: the first that fits. */
import type { PolicyDocument } from '#shared/contracts/jobs/policy.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { matchesAny } from './decide.ts'

export interface Route {
  /** The name of the route; `request` where the job names its model, else `default_model`. */
  rule: string
  /** Absent: the mesh's default. */
  model?: string
  /** Taken in order where nobody holds the one before. */
  fallback: readonly string[]
}

type Asked = Pick<SubmitJob, 'model' | 'latencyClass' | 'reasoningRequired' | 'dataClassification'>

/** A job that names its model gets it, with the fallbacks of the route to that model. */
export function routeModel(policy: PolicyDocument, asked: Asked): Route {
  const routes = policy.model_routes ?? []
  const { model } = asked
  if (model !== undefined) {
    const own = routes.find((route) => route.use_model === model)
    return { rule: 'request', model, fallback: own?.fallback ?? [] }
  }
  for (const [place, route] of routes.entries()) {
    const { latency_class: latency, reasoning_required: reasoning, data_classification } = route
    if (latency !== undefined && !matchesAny(latency, asked.latencyClass ?? '')) continue
    if (reasoning !== undefined && reasoning !== (asked.reasoningRequired ?? false)) continue
    const { dataClassification = '' } = asked
    if (data_classification !== undefined && !matchesAny(data_classification, dataClassification)) {
      continue
    }
    const rule = route.name ?? `route ${place + 1}`
    return { rule, model: route.use_model, fallback: route.fallback ?? [] }
  }
  const { default_model: byDefault } = policy
  return {
    rule: 'default_model',
    ...(byDefault === undefined ? {} : { model: byDefault }),
    fallback: []
  }
}
