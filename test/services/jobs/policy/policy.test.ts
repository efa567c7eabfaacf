/** A policy says what may run where; what it does not understand it refuses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PolicyDocument } from '#shared/contracts/jobs/policy.ts'
import {
  decide,
  matchesAny,
  quotaOf,
  type PolicyFacts
} from '../../../../services/jobs/policy/decide.ts'
import { readPolicy } from '../../../../services/jobs/policy/read-policy.ts'
import { routeModel } from '../../../../services/jobs/policy/route-model.ts'

const POLICY = readPolicy(`
default_action: allow
tenant_quotas:
  acme: { max_running_jobs: 2, max_running_tasks: 8 }
  '*': { max_running_jobs: 5 }
rules:
  - name: no-secrets-abroad
    effect: deny
    reason: confidential data stays in Europe
    match:
      data_classification: [confidential, secret]
      worker_locality: '!eu-*'
  - name: tools-for-ops
    effect: allow
    match: { task_type: tool_execution, tenant: ops }
  - match: { task_type: tool_execution }
  - name: gpu-for-interactive
    effect: deny
    match: { requires_gpu: true, priority: batch }
model_routes:
  - { name: think, latency_class: interactive, reasoning_required: true, use_model: big, fallback: [middle, small] }
  - { data_classification: '!public', use_model: own }
default_model: small
`)

const facts = (more: Partial<PolicyFacts> = {}): PolicyFacts => ({
  tenant: 'acme',
  jobType: 'chat',
  priority: 'standard',
  policy: '',
  dataClassification: '',
  networkIsolation: '',
  ...more
})
const task = (more: Partial<PolicyFacts> = {}) =>
  facts({ taskType: 'llm_inference', model: '', requiresGpu: false, ...more })

test('the first rule that matches decides, and is named', () => {
  const { allowed, rule } = decide(POLICY, task({ taskType: 'tool_execution', tenant: 'ops' }))
  assert.deepEqual({ allowed, rule }, { allowed: true, rule: 'tools-for-ops' })
  assert.equal(decide(POLICY, task({ taskType: 'tool_execution' })).rule, 'rule 3')
  assert.deepEqual(decide(POLICY, task()), {
    allowed: true,
    rule: 'default_action',
    reason: 'no rule matches, and default_action is allow'
  })
  assert.equal(decide({ default_action: 'deny' }, task()).allowed, false)
})

test('a rule about workers forbids a worker and not the task', () => {
  const secret = task({ dataClassification: 'secret' })
  assert.equal(decide(POLICY, secret).allowed, true)
  assert.equal(decide(POLICY, { ...secret, workerLocality: 'eu-west' }).allowed, true)
  const abroad = decide(POLICY, { ...secret, workerLocality: 'us' })
  assert.deepEqual(abroad, {
    allowed: false,
    rule: 'no-secrets-abroad',
    reason: 'confidential data stays in Europe'
  })
  assert.equal(decide(POLICY, { ...secret, workerLocality: '' }).allowed, false)
})

test('with a default of deny a job may wait for the worker that a rule allows', () => {
  const policy: PolicyDocument = {
    default_action: 'deny',
    rules: [{ name: 'here', effect: 'allow', match: { worker_locality: 'here' } }]
  }
  assert.equal(decide(policy, facts()).allowed, true)
  assert.equal(decide(policy, task({ workerLocality: 'there' })).allowed, false)
})

test('values, lists, `!` and `*`', () => {
  const cases: [string | string[], string, boolean][] = [
    ['a', 'a', true],
    ['a', 'b', false],
    ['a*', 'abc', true],
    ['*c', 'abc', true],
    ['a*b*c', 'aXbYc', true],
    ['ab*bc', 'abc', false],
    ['*', '', true],
    ['!a', 'b', true],
    ['!a', '', true],
    ['!a*', 'abc', false],
    [['a', 'b'], 'b', true],
    [['!a', '!b'], 'b', false],
    [['!a', '!b'], 'c', true],
    [['a*', '!ab'], 'ab', false],
    [['a*', '!ab'], 'ac', true],
    [[], 'a', false],
    ['.*', 'abc', false]
  ]
  for (const [wanted, value, fits] of cases) {
    assert.equal(matchesAny(wanted, value), fits, JSON.stringify([wanted, value]))
  }
})

test('a pattern matches as the regular expression that it stands for', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 })
  const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      const like = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
      assert.equal(matchesAny(pattern, text), like.test(text))
    }),
    { numRuns: 300 }
  )
})

test('quotas of a tenant, or of every tenant', () => {
  assert.deepEqual(quotaOf(POLICY, 'acme'), { max_running_jobs: 2, max_running_tasks: 8 })
  assert.deepEqual(quotaOf(POLICY, 'other'), { max_running_jobs: 5 })
  assert.deepEqual(quotaOf({}, 'constructor'), {})
})

test('routes choose the model and what stands in for it', () => {
  const fast = { latencyClass: 'interactive', reasoningRequired: true }
  assert.deepEqual(routeModel(POLICY, { ...fast, dataClassification: 'public' }), {
    rule: 'think',
    model: 'big',
    fallback: ['middle', 'small']
  })
  assert.equal(routeModel(POLICY, {}).rule, 'route 2')
  assert.equal(routeModel(POLICY, { dataClassification: 'public' }).model, 'small')
  const named = routeModel(POLICY, { ...fast, model: 'mine' })
  assert.deepEqual(named, { rule: 'request', model: 'mine', fallback: [] })
  assert.deepEqual(routeModel(POLICY, { model: 'big' }).fallback, ['middle', 'small'])
  assert.deepEqual(routeModel({}, {}), { rule: 'default_model', fallback: [] })
})

const WRONG: [string, string, RegExp][] = [
  [
    'a misspelt field of a rule',
    'rules: [{ effect: deny, match: { tennant: a } }]',
    /rules\.0\.match\.tennant is not a known field/
  ],
  ['an unknown effect', 'rules: [{ effect: refuse }]', /effect must be allow or deny/],
  ['two rules of one name', 'rules: [{ name: a }, { name: a }]', /two rules are called "a"/],
  ['a number where a text is meant', 'rules: [{ match: { tenant: 7 } }]', /tenant/],
  ['YAML that is none', 'rules: [\n  {', /line \d/],
  ['a key twice', 'default_action: allow\ndefault_action: deny', /line 2.*unique/],
  ['a text', 'allow everything', /object/],
  ['a negative quota', 'tenant_quotas: { a: { max_running_jobs: -1 } }', /max_running_jobs/]
]
for (const [what, yaml, message] of WRONG) {
  test(`${what} is refused`, () => {
    assert.throws(() => readPolicy(yaml), { code: 'VALIDATION_FAILED', message })
  })
}

test('a file that grows when it is read is refused', () => {
  const lists = Array.from({ length: 9 }, (_, n) => {
    return `l${n + 1}: &l${n + 1} [${Array(9)
      .fill(n === 0 ? 'x' : `*l${n}`)
      .join(', ')}]`
  })
  assert.throws(() => readPolicy(lists.join('\n')), { code: 'VALIDATION_FAILED' })
  assert.throws(() => readPolicy(`# ${'x'.repeat(300_000)}`), /256 KiB/)
})

test('nothing is a policy that allows everything', () => {
  assert.deepEqual(readPolicy('# nothing yet'), {})
})
