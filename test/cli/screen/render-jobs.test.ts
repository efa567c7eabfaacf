/** Jobs on a screen: bars, what a task waits for, and lines where nothing can be drawn over. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { test } from 'node:test'
import type { TaskView } from '#shared/contracts/jobs/views.ts'
import { JobBoard } from '../../../cli/screen/job-board.ts'
import { renderTasks, resultText } from '../../../cli/screen/render-jobs.ts'

const SCREEN = { width: Infinity, color: false }
const KEY = 'ab12cd34'.repeat(8)

const task = (more: Partial<TaskView> = {}): TaskView => ({
  taskId: 't1',
  type: 'llm_inference',
  status: 'Running',
  dependencies: [],
  attempt: 1,
  maxAttempts: 3,
  createdAt: 0,
  updatedAt: 0,
  ...more
})

test('a task has a bar, its place, its attempts, and what it waits for or why it failed', () => {
  const lines = renderTasks(
    [
      task({ progress: 0.5, workerId: KEY, attempt: 2 }),
      task({
        taskId: 't2',
        status: 'Queued',
        attempt: 6,
        workerId: 'mesh',
        waitingFor: 'a worker with a GPU'
      }),
      task({ taskId: 't3', status: 'Failed', errorCode: 'WORKER_LOST', error: 'gone\u001b[2J' }),
      task({ taskId: 't4', status: 'Completed', attempt: 4 })
    ],
    SCREEN
  )
  const [running = '', queued = '', failed = '', completed = ''] = lines
  assert.match(running, /^t1 .* Running +█{10}░{10} +attempt 2 +ab12cd34$/)
  assert.match(queued, /░{20} +waits: a worker with a GPU$/)
  assert.match(failed, /WORKER_LOST: gone\[2J$/)
  assert.match(completed, /Completed +█{20}$/)
})

test('a result is shown as its text, or as JSON', () => {
  assert.equal(resultText({ result: { text: 'so it is' } }), 'so it is')
  assert.equal(resultText({ result: [1] }), '[\n  1\n]')
  assert.equal(resultText({}), null)
  assert.ok(resultText({ result: 'x'.repeat(9000) })!.length < 5000)
})

test('where nothing can be drawn over there is a line for each change of a state', () => {
  const stream = new PassThrough() as unknown as WriteStream
  const board = new JobBoard(stream, SCREEN)
  const update = (id: number, data: TaskView) => board.show({ event: 'task.update', id, data })
  update(1, task({ status: 'Running', workerId: KEY }))
  update(2, task({ status: 'Running', progress: 0.5, workerId: KEY }))
  const delta = { jobId: `job-${'0'.repeat(32)}`, taskId: 't1', attempt: 1, offset: 0, text: 'hi' }
  board.show({ event: 'task.output', data: delta })
  update(3, task({ status: 'Failed', workerId: 'cellar', error: 'it broke' }))
  board.end()
  const text = (stream as unknown as PassThrough).read() as Buffer
  assert.equal(text.toString(), 't1 Running on ab12cd34\nt1 Failed on cellar: it broke\n')
})
