/** Pipelines as graphs of tasks; pure. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PipelineBundle, PipelineNode, Port } from '#shared/contracts/functions/bundle.ts'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import { checkPipeline } from '#shared/functions/check-pipeline.ts'
import { pipelineSignature } from '#shared/functions/pipeline-signature.ts'
import type { ResolvedObject } from '../../../../services/gateway/functions/resolved-object.ts'
import { runJob } from '../../../../services/gateway/functions/run-job.ts'

const SHA256 = 'a'.repeat(64)

const object = (inputs: Port[], more: Partial<ResolvedObject> = {}): ResolvedObject => ({
  subject: { kind: 'function', owner: 'o', library: 'l', name: 'f', version: 1, sha256: SHA256 },
  bytes: 10,
  seal: { publisher: 'b'.repeat(64), signature: 'c'.repeat(128) },
  inputs,
  policy: {},
  ...more
})

const node = (
  id: string,
  inputs: PipelineNode['inputs'] = {},
  more: { machine?: string; object?: string } = {}
): PipelineNode => ({ id, kind: 'object', object: more.object ?? id, inputs, ...more })

const pipeline = (nodes: PipelineNode[], output: string): PipelineBundle => ({
  haif: 1,
  kind: 'pipeline',
  nodes,
  output
})

const asObject = (of: PipelineBundle, inputs: Port[] = []): ResolvedObject => {
  const found = object(inputs, { pipeline: of })
  return { ...found, subject: { ...found.subject, kind: 'pipeline' } }
}

const OBJECTS = new Map([
  ['classify', object([{ name: 'amount', type: 'int' }])],
  [
    'build',
    object([
      { name: 'amount', type: 'int' },
      { name: 'status', type: 'str' },
      { name: 'scale', type: 'int', optional: true, default: 1 }
    ])
  ]
])

const ORDER = pipeline(
  [node('build', { status: { node: 'classify' } }, { machine: 'gpu' }), node('classify')],
  'build'
)

const tasksOf = (of: PipelineBundle, args: object, output?: string): GraphTask[] => {
  const run = {
    object: 'p',
    arguments: args as Record<string, unknown>,
    ...(output === undefined ? {} : { output })
  }
  return runJob(asObject(of), OBJECTS, { run, tenant: 't' }).job.tasks!
}

const argumentsOf = ({ input }: GraphTask) => input['arguments']

test('free inputs of one name share a value, and bound ones refer to their node', () => {
  const [classify, build] = tasksOf(ORDER, { amount: 300 })
  assert.deepEqual([classify!.id, build!.id], ['classify', 'build'])
  assert.deepEqual(argumentsOf(classify!), { amount: 300 })
  assert.deepEqual(argumentsOf(build!), {
    amount: 300,
    status: { $from: 'classify.value' },
    scale: 1
  })
  assert.deepEqual(build!.constraints, { workers: ['gpu'] })
})

test('its signature has each free input once, and what one needs is needed', () => {
  const ports = (ref: string) => OBJECTS.get(ref)!.inputs
  assert.deepEqual(pipelineSignature(ORDER, ports).inputs, [
    { name: 'amount', type: 'int' },
    { name: 'scale', type: 'int', optional: true, default: 1 }
  ])
  const wrong = pipeline([node('classify', { amuont: { value: 1 } })], 'classify')
  assert.throws(() => pipelineSignature(wrong, ports), /no input amuont: it takes amount/)
})

test('another node may be the result, and what it does not need does not run', () => {
  const tasks = tasksOf(ORDER, { amount: 300 }, 'classify')
  assert.deepEqual(
    tasks.map(({ id }) => id),
    ['classify']
  )
})

test('a pipeline in a pipeline is opened, and its output is that of its last node', () => {
  const objects = new Map([...OBJECTS, ['order', asObject(ORDER, [{ name: 'amount' }])]])
  const outer = pipeline(
    [
      node('order', { amount: { input: 'sum' } }),
      { id: 'say', kind: 'infer', inputs: { prompt: { node: 'order' } }, model: 'm' }
    ],
    'say'
  )
  const run = { object: 'p', arguments: { sum: 5 } }
  const { job, subject } = runJob(asObject(outer), objects, { run, tenant: 't' })
  assert.deepEqual(
    job.tasks!.map(({ id, type }) => [id, type]),
    [
      ['order-classify', 'function'],
      ['order-build', 'function'],
      ['say', 'llm_inference']
    ]
  )
  assert.deepEqual(job.tasks![2]!.input, { prompt: { $from: 'order-build.value' }, model: 'm' })
  assert.equal(subject.output, 'say')
})

test('cycles, nodes that are not there, and arguments that nobody takes are refused', () => {
  const isRefused = (words: RegExp) => (error: Error & { code?: string }) => {
    assert.equal(error.code, 'VALIDATION_FAILED')
    assert.match(error.message, words)
    return true
  }
  const cyclic = pipeline([node('a', { x: { node: 'b' } }), node('b', { y: { node: 'a' } })], 'a')
  assert.throws(() => checkPipeline(cyclic), isRefused(/a → b → a/))
  assert.throws(
    () => checkPipeline(pipeline([node('a', { x: { node: 'z' } })], 'a')),
    isRefused(/z/)
  )
  assert.throws(() => checkPipeline(pipeline([node('a')], 'z')), isRefused(/"z"/))
  assert.throws(() => checkPipeline(pipeline([node('a'), node('a')], 'a')), isRefused(/two nodes/))
  const hidden = { x: { value: { deep: [{ $from: 'job.input' }] } } }
  assert.throws(() => checkPipeline(pipeline([node('a', hidden)], 'a')), isRefused(/\$from/))
  assert.throws(() => tasksOf(ORDER, { amount: 1, other: 2 }), isRefused(/arguments.other/))
  assert.throws(() => tasksOf(ORDER, {}), isRefused(/arguments.amount is missing/))
  assert.throws(() => tasksOf(ORDER, { amount: { $from: 'job.input' } }), isRefused(/\$from/))
})
