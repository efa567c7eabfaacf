/** Answers what gateways ask about plans and policies. */
import type { GraphTask, TaskConstraints } from '#shared/contracts/jobs/graph.ts'
import type { PolicyExplanation } from '#shared/contracts/jobs/policy.ts'
import {
  compileGraph,
  explainPolicy,
  getPolicy,
  setPolicy
} from '#shared/contracts/jobs/policy-methods.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { Planner } from '../plan/planner.ts'
import { decide } from './decide.ts'
import { jobFacts, taskFacts, workerFacts } from './facts.ts'
import type { Policies } from './policies.ts'
import { routeModel } from './route-model.ts'

/** Decisions of one explanation; a graph of a thousand tasks on many workers has more. */
const DECISIONS_MAX = 5000

/** A job as it was taken, with what its policy is asked about. */
interface Explained {
  tenant: string
  job: SubmitJob
  tasks: readonly (Pick<GraphTask, 'id' | 'type' | 'input'> & { constraints?: TaskConstraints })[]
}

interface Worker {
  key: string
  name?: string
  region?: string
}

interface PolicyAnswers {
  router: Router
  policies: Policies
  planner: Pick<Planner, 'compile'>
  /** Throws NOT_FOUND, also for a job of another tenant. */
  find: (jobId: string, tenant: string | undefined) => Promise<Explained>
  /** Those that take tasks now. */
  workers: () => readonly Worker[]
}

export function answerPolicies({ router, policies, planner, find, workers }: PolicyAnswers): void {
  router
    .respond(compileGraph, async ({ job, ...whose }, context) => ({
      tasks: await planner.compile(job, whose, context)
    }))
    .respond(setPolicy, ({ by, ...wish }) => policies.set(wish, by))
    .respond(getPolicy, ({ version }) => policies.get(version))
    .respond(explainPolicy, async ({ jobId, tenant }) => {
      const explained = await find(jobId, tenant)
      return { jobId, ...explain(policies.current, explained, workers()) }
    })
}

/** Which rule decides about a job, each of its tasks, and each worker for them. */
function explain(
  { version, document }: Pick<Policies['current'], 'version' | 'document'>,
  { tenant, job, tasks }: Explained,
  workers: readonly Worker[]
): Omit<PolicyExplanation, 'jobId'> {
  const facts = jobFacts(job, tenant)
  const decisions: PolicyExplanation['decisions'] = [{ what: 'submit', ...decide(document, facts) }]
  for (const task of tasks) {
    const known = taskFacts(facts, task)
    decisions.push({ what: task.id, ...decide(document, known) })
    for (const worker of workers) {
      if (decisions.length >= DECISIONS_MAX) break
      const decision = decide(document, workerFacts(known, worker))
      decisions.push({ what: task.id, worker: worker.name ?? worker.key, ...decision })
    }
  }
  const { rule, model, fallback } = routeModel(document, job)
  const route = { rule, ...(model === undefined ? {} : { model }), fallback: [...fallback] }
  return { tenant, version, decisions: decisions.slice(0, DECISIONS_MAX), route }
}
