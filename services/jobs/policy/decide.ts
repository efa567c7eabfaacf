/**
 * Decides by a policy: the first rule that matches, else the default action. Before a worker is
 * chosen some facts are not known; then the question is whether the task could run anywhere.
 */
import type {
  PolicyDocument,
  PolicyEffect,
  PolicyMatch,
  TenantQuota
} from '#shared/contracts/jobs/policy.ts'
import { ruleName } from './read-policy.ts'

/** What is undefined is not known yet; what a job does not say is an empty text. */
export interface PolicyFacts {
  tenant: string
  jobType: string
  priority: string
  policy: string
  dataClassification: string
  networkIsolation: string
  /** Known of a task. */
  taskType?: string
  model?: string
  requiresGpu?: boolean
  /** Known of a worker: its region. */
  workerLocality?: string
}

export interface Decision {
  allowed: boolean
  /** The name of the rule, or `default_action`. */
  rule: string
  reason: string
}

export function decide(policy: PolicyDocument, facts: PolicyFacts): Decision {
  for (const [place, rule] of (policy.rules ?? []).entries()) {
    const fit = fitOf(rule.match ?? {}, facts)
    if (fit === 'no') continue
    const effect = rule.effect ?? 'deny'
    // A rule that may forbid some worker forbids not yet; one that may allow some lets it wait.
    if (fit === 'maybe' && effect === 'deny') continue
    const name = ruleName(rule, place)
    return decision(effect, name, rule.reason ?? `the rule "${name}" says ${effect}`)
  }
  const effect = policy.default_action ?? 'allow'
  return decision(effect, 'default_action', `no rule matches, and default_action is ${effect}`)
}

const decision = (effect: PolicyEffect, rule: string, reason: string): Decision => ({
  allowed: effect === 'allow',
  rule,
  reason
})

/** A tenant's own quota, or that of every tenant. */
export function quotaOf(
  { tenant_quotas: quotas = {} }: PolicyDocument,
  tenant: string
): TenantQuota {
  if (Object.hasOwn(quotas, tenant)) return quotas[tenant]!
  return Object.hasOwn(quotas, '*') ? quotas['*']! : {}
}

type Fit = 'yes' | 'no' | 'maybe'

function fitOf(match: PolicyMatch, facts: PolicyFacts): Fit {
  const fits = [
    fitWord(match.tenant, facts.tenant),
    fitWord(match.job_type, facts.jobType),
    fitWord(match.task_type, facts.taskType),
    fitWord(match.model, facts.model),
    fitWord(match.policy, facts.policy),
    fitWord(match.data_classification, facts.dataClassification),
    fitWord(match.priority, facts.priority),
    fitWord(match.network_isolation, facts.networkIsolation),
    fitWord(match.worker_locality, facts.workerLocality),
    fitFlag(match.requires_gpu, facts.requiresGpu)
  ]
  if (fits.includes('no')) return 'no'
  return fits.includes('maybe') ? 'maybe' : 'yes'
}

function fitWord(wanted: string | readonly string[] | undefined, value: string | undefined): Fit {
  if (wanted === undefined) return 'yes'
  if (value === undefined) return 'maybe'
  return matchesAny(wanted, value) ? 'yes' : 'no'
}

/** None of the `!values` may fit, and one of the others must, if there are others. */
export function matchesAny(wanted: string | readonly string[], value: string): boolean {
  const all = typeof wanted === 'string' ? [wanted] : wanted
  const forbidden = all.filter((each) => each.startsWith('!'))
  if (forbidden.some((each) => matchesOne(each.slice(1), value))) return false
  return forbidden.length === all.length
    ? forbidden.length > 0
    : all.some((each) => !each.startsWith('!') && matchesOne(each, value))
}

/** `*` stands for any characters, also none. Without a regular expression nobody's text is one. */
function matchesOne(pattern: string, value: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === value
  const last = rest.pop()!
  if (!value.startsWith(first) || !value.endsWith(last)) return false
  let at = first.length
  for (const part of rest) {
    const found = value.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= value.length - last.length
}

function fitFlag(wanted: boolean | undefined, value: boolean | undefined): Fit {
  if (wanted === undefined) return 'yes'
  if (value === undefined) return 'maybe'
  return wanted === value ? 'yes' : 'no'
}
