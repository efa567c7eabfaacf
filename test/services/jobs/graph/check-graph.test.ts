/** A graph that cannot end, or that is too large, is refused with the field that is wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'
import { checkGraph } from '../../../../services/jobs/graph/check-graph.ts'

const task = (
  id: string,
  dependencies: string[] = [],
  more: Partial<GraphTask> = {}
): GraphTask => ({
  id,
  type: 'llm_inference',
  input: { prompt: 'hello' },
  dependencies,
  ...more
})

function refusal(tasks: GraphTask[], jobInput?: unknown) {
  try {
    checkGraph(tasks, jobInput)
  } catch (error) {
    assert.ok(error instanceof HaifError, String(error))
    return { code: error.code, param: error.details?.['param'], message: error.message }
  }
  return assert.fail('it was taken')
}

test('references are dependencies, whether they are named or not', () => {
  const [, second, third] = checkGraph([
    task('t1'),
    task('t2', ['t1'], { input: { prompt: { $concat: ['Sum up: ', { $from: 't1.text' }] } } }),
    task('t3', [], { map: { $from: 't2.usage' }, input: { prompt: { $from: 'item' } } })
  ])
  assert.deepEqual(second?.dependencies, ['t1'])
  assert.deepEqual(third?.dependencies, ['t2'])
})

test('a cycle is shown', () => {
  const { code, message } = refusal([
    task('a', ['c']),
    task('b', ['a']),
    task('c', ['b']),
    task('d', ['a'])
  ])
  assert.equal(code, 'VALIDATION_FAILED')
  assert.match(message, /wait for each other: .*→/)
  assert.match(refusal([task('a', ['a'])]).message, /is the task itself/)
  const byReference = [
    task('a', [], { input: { prompt: { $from: 'b.text' } } }),
    task('b', [], { input: { prompt: { $from: 'a.text' } } })
  ]
  assert.match(refusal(byReference).message, /a → b → a/)
})

const WRONG: [string, GraphTask[], string][] = [
  ['an unknown dependency', [task('a', ['zz'])], 'tasks.0.dependencies.0'],
  ['two tasks with one id', [task('a'), task('a')], 'tasks.1.id'],
  ['an id with a meaning of its own', [task('job')], 'tasks.0.id'],
  ['no input', [task('a', [], { input: {} })], 'tasks.0.input'],
  ['a misspelt input', [task('a', [], { input: { promt: 'x' } })], 'tasks.0.input.promt'],
  [
    'a reference to an unknown task',
    [task('a', [], { input: { prompt: { $from: 'b.text' } } })],
    'tasks.0.input.prompt.$from'
  ],
  [
    'a field that the type does not put out',
    [task('a'), task('b', [], { input: { messages: [{ content: { $from: 'a.vectors' } }] } })],
    'tasks.1.input.messages.0.content.$from'
  ],
  [
    'a path that is none',
    [task('a'), task('b', [], { input: { prompt: { $from: 'a..text' } } })],
    'tasks.1.input.prompt.$from'
  ],
  [
    'a reference to an item without a map',
    [task('a', [], { input: { prompt: { $from: 'item' } } })],
    'tasks.0.input.prompt.$from'
  ],
  ['a map that is no list', [task('a', [], { map: 'abc' })], 'tasks.0.map'],
  ['a map of too many', [task('a', [], { map: Array(1001).fill(0) })], 'tasks.0.map'],
  [
    'the fields of a job that it does not have',
    [task('a', [], { input: { prompt: { $from: 'job.tenant' } } })],
    'tasks.0.input.prompt.$from'
  ],
  ['no tasks', [], 'tasks'],
  ['10,000 tasks', Array.from({ length: 10_000 }, (_, n) => task(`t${n}`)), 'tasks'],
  [
    'a chain of 101',
    Array.from({ length: 101 }, (_, n) => task(`t${n}`, n === 0 ? [] : [`t${n - 1}`])),
    'tasks'
  ]
]

for (const [what, tasks, param] of WRONG) {
  test(`${what} is refused at ${param}`, () => {
    assert.deepEqual(
      { ...refusal(tasks), message: undefined },
      { code: 'VALIDATION_FAILED', param, message: undefined }
    )
  })
}

test('inputs over their bounds are refused: of a task, of the job, of all together', () => {
  const large = 'x'.repeat(1_048_577)
  const most = 'x'.repeat(1_000_000)
  const too = (param: string) => ({ code: 'BODY_TOO_LARGE', param })
  const { message: _, ...ofTask } = refusal([task('a', [], { input: { prompt: large } })])
  assert.deepEqual(ofTask, too('tasks.0.input'))
  assert.equal(refusal([task('a')], large).param, 'input')
  const four = ['a', 'b', 'c', 'd'].map((id) => task(id, [], { input: { prompt: most } }))
  assert.equal(refusal(four).param, 'tasks')
  assert.equal(checkGraph([task('a', [], { input: { prompt: most } })]).length, 1)
})

test('deep JSON is refused and does not end the process', () => {
  let deep: unknown = 'x'
  for (let level = 0; level < 50_000; level += 1) deep = [deep]
  assert.match(refusal([task('a', [], { input: { prompt: deep } })]).message, /64 levels/)
  assert.match(refusal([task('a')], deep).message, /64 levels/)
})

test('any graph without a cycle is taken, and with any edge back it is not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 30 }),
      fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { maxLength: 60 }),
      (size, pairs) => {
        const edges = pairs.map(([a, b]) => [a % size, b % size] as const).filter(([a, b]) => a < b)
        const tasks = Array.from({ length: size }, (_, n) =>
          task(
            `t${n}`,
            edges.filter(([, to]) => to === n).map(([from]) => `t${from}`)
          )
        )
        assert.equal(checkGraph(tasks).length, size)
        const [edge] = edges
        if (edge === undefined) return
        const [from, to] = edge
        const back = tasks.with(from, task(`t${from}`, [`t${to}`]))
        assert.match(refusal(back).message, /wait for each other/)
      }
    ),
    { numRuns: 200 }
  )
})
