/** One or several answers as one sequence of parts, in the order in which they come. */
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { close, forward } from '#shared/kit/forward.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'

/** `index`: which of the answers it belongs to. Each answer has one `end`, its last part. */
export type AnswerPart =
  | { kind: 'item'; index: number; item: InferenceItem }
  | { kind: 'end'; index: number; end: InferenceEnd }

export type Answer = Pick<
  AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>,
  'next' | 'return'
>
/** Those that came together come together. */
export type AnswerParts = AsyncGenerator<readonly AnswerPart[], void, void>

/** The first failure is the failure of all; `cancel` must make the others fail soon then. */
export function mergeAnswers(answers: readonly Answer[], cancel: () => void): AnswerParts {
  const [first] = answers
  return first !== undefined && answers.length === 1
    ? partsOf(first)
    : partsOfSeveral(answers, cancel)
}

async function* partsOf(answer: Answer): AnswerParts {
  const end = yield* forward(answer, (batch) => itemParts(0, batch))
  yield [{ kind: 'end', index: 0, end }]
}

const itemParts = (index: number, batch: ItemBatch<InferenceItem>): AnswerPart[] =>
  batch.items().map((item) => ({ kind: 'item', index, item }))

interface Step {
  index: number
  result: IteratorResult<ItemBatch<InferenceItem>, InferenceEnd>
}

/** Of each answer one item is asked for ahead, so a reader that stops holds up all of them. */
async function* partsOfSeveral(answers: readonly Answer[], cancel: () => void): AnswerParts {
  const next = async (index: number): Promise<Step> => ({
    index,
    result: await answers[index]!.next()
  })
  const pending = new Map(answers.map((_, index) => [index, next(index)]))
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values())
      pending.delete(index) // and again at the end, so that nobody is served before the others
      if (result.done === true) {
        yield [{ kind: 'end', index, end: result.value }]
      } else {
        yield itemParts(index, result.value)
        pending.set(index, next(index))
      }
    }
  } finally {
    if (pending.size > 0) cancel() // else `return` would wait for items that nobody wants
    for (const step of pending.values()) step.catch(() => {}) // the first failure was told
    await Promise.all(answers.map(close))
  }
}
