/**
 * What operators decide about jobs: dead letters and the policy. A requeue is bounded, because one
 * careless filter would run thousands of tasks again.
 */
import { hash } from 'node:crypto'
import {
  gatewayDeadLetters,
  gatewayExplainPolicy,
  gatewayGetPolicy,
  gatewayRequeue,
  gatewaySetPolicy
} from '#shared/contracts/jobs/callers.ts'
import {
  REQUEUE_CONFIRM_OVER,
  REQUEUES_PER_MINUTE,
  type RequeueDeadLetters,
  type RequeueReport
} from '#shared/contracts/jobs/dead-letters.ts'
import { listDeadLetters, requeueDeadLetters } from '#shared/contracts/jobs/methods.ts'
import { explainPolicy, getPolicy, setPolicy } from '#shared/contracts/jobs/policy-methods.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Actor } from '../access/access-admin.ts'
import { MESH_CHAIN } from '../audit/audit.ts'
import { RefusalAudit } from '../audit/refusal-audit.ts'
import type { JobsDeps } from './jobs.ts'

const MINUTE_MS = 60_000
const OPERATORS_MAX = 256
const CONFIRM_HEADER = 'x-haif-confirm'

export function answerJobOperators({ router, access, jobs }: JobsDeps): void {
  const refusals = new RefusalAudit(access)
  const requeues = new PerMinute(REQUEUES_PER_MINUTE)

  const operator = async (context: ServerContext, action: string): Promise<Actor> => {
    const principal = await access.authenticate(context)
    await refusals.assertOperator(principal, action, context.requestId)
    return { actor: principal.actor, requestId: context.requestId }
  }

  const note = async (by: Actor, action: string, target: string, details: object) => {
    const entry = { chain: MESH_CHAIN, action, target, result: 'ok', details: { ...details } }
    await access.audit?.write({ ...entry, ...by } as Parameters<
      typeof access.stored.audit.write
    >[0])
  }

  router
    .respond(gatewayDeadLetters, async (query, context) => {
      await operator(context, 'deadletter.list')
      return jobs().call(listDeadLetters, query, context)
    })
    .respond(gatewayRequeue, async ({ wish, confirms }, context) => {
      const by = await operator(context, 'deadletter.requeue')
      assertOneOf(wish)
      requeues.enter(by.actor, performance.now())
      const trial = await jobs().call(requeueDeadLetters, { ...wish, dryRun: true }, context)
      if (wish.dryRun === true) return trial
      assertConfirmed(trial, confirms)
      const report = await jobs().call(requeueDeadLetters, wish, context)
      const { requested, requeued, tasks } = report
      const names = tasks.map(({ jobId, taskId }) => `${jobId}/${taskId}`)
      await note(by, 'deadletter.requeue', 'dead-letter', { requested, requeued, tasks: names })
      return report
    })
    .respond(gatewaySetPolicy, async (wish, context) => {
      const by = await operator(context, 'policy.set')
      const set = await jobs().call(setPolicy, { ...wish, by: by.actor }, context)
      if (wish.dryRun === true) return set
      const details = { version: set.version, sha256: hash('sha256', wish.yaml) }
      await note(by, 'policy.set', `version ${set.version}`, details)
      return set
    })
    .respond(gatewayGetPolicy, async (query, context) => {
      await operator(context, 'policy.read')
      return jobs().call(getPolicy, query, context)
    })
    .respond(gatewayExplainPolicy, async (query, context) => {
      await operator(context, 'policy.explain')
      return jobs().call(explainPolicy, query, context)
    })
}

function assertOneOf({ tasks, filter }: RequeueDeadLetters): void {
  if ((tasks === undefined) !== (filter === undefined)) return
  throw new HaifError('VALIDATION_FAILED', 'name either tasks or a filter; {} takes the oldest', {
    details: { param: tasks === undefined ? 'tasks' : 'filter' }
  })
}

function assertConfirmed({ requeued }: RequeueReport, confirms: number | undefined): void {
  if (requeued <= REQUEUE_CONFIRM_OVER || confirms === requeued) return
  throw new HaifError(
    'VALIDATION_FAILED',
    `this would requeue ${requeued} tasks, and more than ${REQUEUE_CONFIRM_OVER} have to be ` +
      `confirmed: send the header ${CONFIRM_HEADER}: ${requeued}`,
    { details: { param: CONFIRM_HEADER, requeued } }
  )
}

/** Acts of one operator within a minute; a window that slides. */
class PerMinute {
  readonly #max: number
  readonly #acts = new BoundedMap<string, number[]>(OPERATORS_MAX)

  constructor(max: number) {
    this.#max = max
  }

  enter(who: string, now: number): void {
    const recent = (this.#acts.get(who) ?? []).filter((at) => now - at < MINUTE_MS)
    if (recent.length >= this.#max) {
      throw new HaifError('RATE_LIMITED', `at most ${this.#max} requeues within a minute`, {
        retryAfterMs: MINUTE_MS - (now - recent[0]!)
      })
    }
    this.#acts.set(who, [...recent, now])
  }
}
