/**
 * A running job on the screen: a bar for each task that is drawn over, and below it the end of what
 * a model writes. Where nothing can be drawn over, as in a file, a line for each change.
 */
import type { WriteStream } from 'node:tty'
import type { JobEvent } from '#shared/contracts/jobs/events.ts'
import type { TaskView } from '#shared/contracts/jobs/views.ts'
import { placeText, renderTasks } from './render-jobs.ts'
import { printableLine, type Screen } from './terminal.ts'

const TASKS_SHOWN = 20
const REDRAW_MS = 100
const TEXT_CHARACTERS_MAX = 4096

export class JobBoard {
  readonly #stream: WriteStream
  readonly #screen: Screen
  readonly #tasks = new Map<string, TaskView>() // those of the job: at most 1,000 and their parts
  /** The end of what the task says that has said something last. */
  #said = { taskId: '', text: '' }
  #drawn = 0
  #timer: NodeJS.Timeout | null = null

  constructor(stream: WriteStream, screen: Screen) {
    this.#stream = stream
    this.#screen = screen
  }

  show(event: JobEvent): void {
    const { event: name, data } = event
    if (name === 'job.snapshot') {
      for (const task of data.tasks) this.#tasks.set(task.taskId, task)
    } else if (name === 'task.update') this.#update(data)
    else if (name === 'task.output') {
      const { taskId } = data
      const before = taskId === this.#said.taskId ? this.#said.text : ''
      this.#said = { taskId, text: `${before}${data.text}`.slice(-TEXT_CHARACTERS_MAX) }
    }
    if (this.#stream.isTTY) this.#timer ??= setTimeout(() => this.#draw(), REDRAW_MS)
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#said = { taskId: '', text: '' }
    if (this.#stream.isTTY) this.#draw()
  }

  #update(task: TaskView): void {
    const before = this.#tasks.get(task.taskId)
    this.#tasks.set(task.taskId, task)
    if (this.#stream.isTTY || before?.status === task.status) return
    const where = task.workerId === undefined ? '' : ` on ${placeText(task.workerId)}`
    const why = task.error === undefined ? '' : `: ${printableLine(task.error)}`
    this.#stream.write(`${task.taskId} ${task.status}${where}${why}\n`)
  }

  #draw(): void {
    this.#timer = null
    const all = [...this.#tasks.values()]
    const shown = all.length <= TASKS_SHOWN ? all : busiest(all)
    const lines = renderTasks(shown, this.#screen)
    if (shown.length < all.length) lines.push(`… and ${all.length - shown.length} more tasks`)
    if (this.#said.text !== '') lines.push(this.#lastOfText())
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`
    this.#stream.write(`${up}\u001b[0J${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  #lastOfText(): string {
    const text = printableLine(`${this.#said.taskId}: ${this.#said.text}`)
    return text.slice(-Math.max(1, Math.min(this.#screen.width, 120) - 1))
  }
}

/** Those that run first, then those that have failed. */
function busiest(tasks: readonly TaskView[]): TaskView[] {
  const order = ['Running', 'Assigned', 'Failed', 'Queued', 'Completed', 'Canceled']
  return tasks
    .toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
    .slice(0, TASKS_SHOWN)
}
