/** What a job asks becomes a graph that may be run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import type { PolicyDocument } from '#shared/contracts/jobs/policy.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { resolveInput } from '../../../../services/jobs/graph/resolve.ts'
import { Planner, type Question } from '../../../../services/jobs/plan/planner.ts'

const TICKETS = Array.from({ length: 20 }, (_, n) => `Ticket ${n}: the printer is on fire`)
const context = {} as RequestContext // no plan looks into it

function plan(job: SubmitJob, policy: PolicyDocument = {}, answers: string[] = []) {
  const questions: Question[] = []
  const planner = new Planner({
    policy: () => policy,
    held: () => new Set(['held']),
    ask: async (question) => {
      questions.push(question)
      return answers.shift() ?? ''
    }
  })
  return { questions, tasks: planner.plan(job, { tenant: 'acme' }, context) }
}

const shape = (tasks: readonly GraphTask[]) =>
  tasks.map(({ id, type, dependencies }) => [id, type, dependencies])

test('an analysis is split, embedded and summarised, and the data flows', async () => {
  const input = { prompt: 'Analyze these tickets', tickets: TICKETS }
  const tasks = await plan({ input }).tasks
  assert.deepEqual(shape(tasks), [
    ['split', 'aggregation', []],
    ['embed', 'embedding', ['split']],
    ['summarize', 'llm_inference', ['split', 'embed']]
  ])
  const outputs: Record<string, unknown> = { split: { parts: TICKETS } }
  const known = { jobInput: input, outputOf: (id: string) => outputs[id] }
  assert.deepEqual((resolveInput(tasks[0]!.input, known) as { items: unknown }).items, TICKETS)
  const { prompt } = resolveInput(tasks[2]!.input, known) as { prompt: string }
  assert.match(prompt, /^Analyze these tickets\n\nTicket 0.*Ticket 19/s)
})

test('hybrid summarises parts by themselves and merges them', async () => {
  const job = { type: 'batch_analysis', input: 'one\n\ntwo', plannerMode: 'hybrid' as const }
  const tasks = await plan(job).tasks
  assert.deepEqual(shape(tasks).at(-1), ['aggregate', 'aggregation', ['summarize']])
  assert.deepEqual(tasks[2]?.map, { $from: 'split.parts' })
  const long = { ...job, input: 'x'.repeat(40_000) }
  assert.equal((await plan(long).tasks)[0]?.input['part_characters'], 5000)
})

test('anything else is one inference: a text, a conversation, documents', async () => {
  const prompt = async (job: SubmitJob) => {
    const [task, ...others] = await plan(job).tasks
    assert.deepEqual(others, [])
    return resolveInput(task!.input, { jobInput: job.input, outputOf: () => null })
  }
  assert.deepEqual(await prompt({ input: 'What is HAIF?' }), {
    prompt: 'What is HAIF?',
    max_tokens: 1024
  })
  const messages = [{ role: 'user', content: 'hello' }]
  assert.deepEqual(await prompt({ input: { messages } }), { messages, max_tokens: 1024 })
  assert.deepEqual(await prompt({ input: { question: 'Why?', pages: ['a', 'b'] } }), {
    prompt: 'Why?\n\na\n\nb',
    max_tokens: 1024
  })
  await assert.rejects(plan({}).tasks, { code: 'VALIDATION_FAILED', details: { param: 'input' } })
})

test('the route fills in the model where a task names none', async () => {
  const policy: PolicyDocument = {
    model_routes: [{ latency_class: 'fast', use_model: 'small', fallback: ['tiny'] }]
  }
  const [answer] = await plan({ input: 'hi', latencyClass: 'fast' }, policy).tasks
  assert.equal(answer?.input['model'], 'small')
  assert.deepEqual(answer?.input['fallback'], ['tiny'])
  const own: GraphTask = { id: 'a', type: 'llm_inference', input: { prompt: 'x', model: 'mine' } }
  const [given] = await plan({ tasks: [own], latencyClass: 'fast' }, policy).tasks
  assert.deepEqual(given?.input, own.input)
})

test('a model that may be missing is fetched first', async () => {
  const job = { input: 'hi', model: 'hf:a/b', installModelIfMissing: true }
  assert.deepEqual(shape(await plan(job).tasks), [
    ['install', 'model_download', []],
    ['answer', 'llm_inference', ['install']]
  ])
  const held = { ...job, model: 'held' }
  assert.deepEqual(shape(await plan(held).tasks), [['answer', 'llm_inference', []]])
})

const steps = (tasks: object[]) => JSON.stringify({ tasks })
const FIND = { id: 'find', type: 'llm_inference', instruction: 'Find causes', dependencies: [] }

test('a model writes the graph, and what it returns is checked', async () => {
  const answer = steps([
    FIND,
    { id: 'report', type: 'llm_inference', instruction: 'Report', dependencies: ['find'] }
  ])
  const job: SubmitJob = { input: 'Why is it slow?', plannerMode: 'llm_planner', model: 'm' }
  const { questions, tasks } = plan(job, {}, [answer])
  const [find, report] = await tasks
  assert.equal(questions[0]?.model, 'm')
  const known = { jobInput: job.input, outputOf: () => ({ text: 'the disk' }) }
  const prompts = [find, report].map((task) => resolveInput(task!.input['prompt'], known))
  assert.deepEqual(prompts, ['Find causes\n\nWhy is it slow?', 'Report\n\nthe disk'])
})

test('a graph of a model that cannot be run is asked for again, and then refused', async () => {
  const cycle = steps([{ ...FIND, dependencies: ['find'] }])
  const job: SubmitJob = { input: 'x', plannerMode: 'llm_planner' }
  const second = plan(job, {}, [cycle, steps([FIND])])
  assert.equal((await second.tasks).length, 1)
  assert.match(second.questions[1]!.prompt, /refused: .*is the task itself/)
  for (const bad of [
    'no JSON',
    '{}',
    steps([]),
    steps([{ ...FIND, type: 'tool_execution' }]),
    steps([{ ...FIND, dependencies: ['nobody'] }]),
    steps([FIND, FIND])
  ]) {
    await assert.rejects(plan(job, {}, [bad, bad]).tasks, {
      code: 'VALIDATION_FAILED',
      message: /the model wrote no graph that can be run/
    })
  }
})

test('a job and each of its tasks have to be allowed, and the rule is named', async () => {
  const policy: PolicyDocument = {
    rules: [
      { name: 'no-batch', effect: 'deny', match: { priority: 'batch' } },
      { name: 'no-tools', effect: 'deny', match: { task_type: 'tool_execution' } },
      { name: 'far', effect: 'deny', match: { worker_locality: 'far' } }
    ]
  }
  await assert.rejects(plan({ input: 'x', priority: 'batch' }, policy).tasks, {
    code: 'FORBIDDEN',
    message: /no-batch/
  })
  const tool: GraphTask = { id: 't', type: 'tool_execution', input: { command: ['ls'] } }
  await assert.rejects(plan({ tasks: [tool] }, policy).tasks, {
    code: 'FORBIDDEN',
    details: { rule: 'no-tools', reason: 'the rule "no-tools" says deny' }
  })
  assert.equal((await plan({ input: 'x' }, policy).tasks).length, 1)
})
