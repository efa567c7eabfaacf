/** Tool calls of one answer, put together from their parts. */
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'

export class ToolCalls {
  readonly #calls = new Map<number, ToolCall>() // the contract bounds their number

  add({ index, id, name, arguments: text = '' }: ToolCallDelta): ToolCall {
    const call = this.#calls.get(index) ?? { id: '', name: '', arguments: '' }
    if (id !== undefined) call.id = id
    if (name !== undefined) call.name = name
    call.arguments += text
    this.#calls.set(index, call)
    return call
  }

  all(): ToolCall[] {
    return [...this.#calls].toSorted(([a], [b]) => a - b).map(([, call]) => call)
  }
}
