/** From what a caller asks to a graph that may be run: planned, routed, checked, and allowed. */
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import type { PolicyDocument } from '#shared/contracts/jobs/policy.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { checkGraph } from '../graph/check-graph.ts'
import { decide, type Decision } from '../policy/decide.ts'
import { jobFacts, taskFacts } from '../policy/facts.ts'
import { routeModel, type Route } from '../policy/route-model.ts'
import { PLAN_SCHEMA, planningPrompt, readPlan } from './llm-plan.ts'
import { planJob } from './plan.ts'

/** Answers of the planning model that are asked for until one can be taken. */
const TRIES_MAX = 2
const PLAN_TOKENS_MAX = 2048

interface Whose {
  tenant: string
  tokenId?: string | undefined
}

/** One question to a model of the mesh, in the name of the tenant. */
export interface Question {
  prompt: string
  schema: Record<string, unknown>
  model: string | undefined
  maxTokens: number
}
export type AskModel = (
  question: Question,
  whose: Whose,
  context: RequestContext
) => Promise<string>

interface PlannerDeps {
  /** Models that connected workers have. */
  held: () => ReadonlySet<string>
  policy: () => PolicyDocument
  ask: AskModel
}

export class Planner {
  readonly #deps: PlannerDeps

  constructor(deps: PlannerDeps) {
    this.#deps = deps
  }

  /** Throws VALIDATION_FAILED, or FORBIDDEN with the rule that decided. */
  async plan(job: SubmitJob, whose: Whose, context: RequestContext): Promise<GraphTask[]> {
    const policy = this.#deps.policy()
    const facts = jobFacts(job, whose.tenant)
    assertAllowed(decide(policy, facts), 'this job')
    const tasks = await this.compile(job, whose, context)
    for (const task of tasks) {
      assertAllowed(decide(policy, taskFacts(facts, task)), `the task ${task.id}`)
    }
    return tasks
  }

  /** The graph alone. */
  async compile(job: SubmitJob, whose: Whose, context: RequestContext): Promise<GraphTask[]> {
    const route = routeModel(this.#deps.policy(), job)
    const { plannerMode: mode = 'template', tasks } = job
    if (tasks !== undefined) return finished(tasks, job, route)
    const wish = this.#withoutInstall(job)
    if (mode !== 'llm_planner') return finished(planJob(wish, mode), job, route)
    return this.#askForPlan(wish, route, whose, context)
  }

  /** A model that is there is not fetched: perhaps nobody may fetch any. */
  #withoutInstall(job: SubmitJob): SubmitJob {
    const { installModelIfMissing, ...others } = job
    if (job.model === undefined || installModelIfMissing !== true) return job
    return this.#deps.held().has(job.model) ? others : job
  }

  async #askForPlan(
    job: SubmitJob,
    route: Route,
    whose: Whose,
    context: RequestContext
  ): Promise<GraphTask[]> {
    const { model } = route
    let prompt = planningPrompt(job)
    for (let tries = 1; ; tries += 1) {
      const question = { prompt, schema: PLAN_SCHEMA, model, maxTokens: PLAN_TOKENS_MAX }
      const answer = await this.#deps.ask(question, whose, context)
      try {
        return finished(readPlan(answer, job), job, route)
      } catch (error) {
        if (!(error instanceof HaifError)) throw error
        if (tries === TRIES_MAX) throw unplanned(error)
        prompt = `${prompt}\n\nAn earlier answer was refused: ${error.message}`
      }
    }
  }
}

const unplanned = (error: HaifError): HaifError =>
  new HaifError(
    'VALIDATION_FAILED',
    `the model wrote no graph that can be run (${error.message}); ` +
      'take another model, or planner_mode hybrid',
    { cause: error, details: { param: 'planner_mode' } }
  )

function finished(tasks: readonly GraphTask[], job: SubmitJob, route: Route): GraphTask[] {
  return checkGraph(
    tasks.map((task) => withModel(task, route)),
    job.input
  )
}

/** The model of the route, for tasks that name none; vectors need a model that makes them. */
function withModel(task: GraphTask, { model, fallback }: Route): GraphTask {
  if (task.type !== 'llm_inference' || model === undefined) return task
  if (Object.hasOwn(task.input, 'model')) return task
  const others = fallback.length === 0 ? {} : { fallback: [...fallback] }
  return { ...task, input: { ...task.input, model, ...others } }
}

function assertAllowed({ allowed, rule, reason }: Decision, what: string): void {
  if (allowed) return
  throw new HaifError('FORBIDDEN', `the policy does not allow ${what}: ${reason} (${rule})`, {
    details: { rule, reason }
  })
}
