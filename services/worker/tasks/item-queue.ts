/** Items that callbacks bring, for a generator that yields them until the work has ended. */
import type { TaskItem } from '#shared/contracts/jobs/task-run.ts'

/** Texts that nobody has taken yet are joined up to here. */
const TEXT_MAX = 65_536

export class ItemQueue {
  /** Bounded by whoever fills it: a tool has a bounded output, progress replaces what is old. */
  readonly #items: TaskItem[] = []
  #wake: () => void = () => {}

  add(item: TaskItem): void {
    const last = this.#items.at(-1)
    if (item.text === undefined && last !== undefined && last.text === undefined) {
      this.#items[this.#items.length - 1] = { ...last, ...item }
    } else if (last?.text !== undefined && item.text !== undefined) {
      const text = last.text + item.text
      if (text.length <= TEXT_MAX) this.#items[this.#items.length - 1] = { ...item, text }
      else this.#items.push(item)
    } else this.#items.push(item)
    this.#wake()
  }

  async *until<Result>(work: Promise<Result>): AsyncGenerator<TaskItem, Result, void> {
    let isOver = false
    const over = () => {
      isOver = true
      this.#wake()
    }
    work.then(over, over)
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) yield item
      else if (isOver) return work
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
