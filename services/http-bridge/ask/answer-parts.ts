/** Merges one or several answers into one sequence of parts, in the order of their arrival. */
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { close, forward } from '#shared/kit/forward.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'

/** A part of answer number `index`. Each answer has one `end`, its last part. */
export type AnswerPart =
  | { kind: 'item'; index: number; item: InferenceItem }
  | { kind: 'end'; index: number; end: InferenceEnd }

export type Answer = Pick<
  AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>,
  'next' | 'return'
>
/** Parts that arrived in one batch are yielded in one batch. */
export type AnswerParts = AsyncGenerator<readonly AnswerPart[], void, void>

/** The first failure fails all answers; `cancel` must then make the others fail soon. */
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

/** Reads one item ahead of each answer, so a reader that stops holds up all of them. */
async function* partsOfSeveral(answers: readonly Answer[], cancel: () => void): AnswerParts {
  const next = async (index: number): Promise<Step> => ({
    index,
    result: await answers[index]!.next()
  })
  const pending = new Map(answers.map((_, index) => [index, next(index)]))
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values())
      pending.delete(index) // set again at the end of the line, so that each answer gets its turn
      if (result.done === true) {
        yield [{ kind: 'end', index, end: result.value }]
      } else {
        yield itemParts(index, result.value)
        pending.set(index, next(index))
      }
    }
  } finally {
    if (pending.size > 0) cancel() // otherwise `return` would wait for items that nobody wants
    for (const step of pending.values()) step.catch(() => {}) // the reader has the first failure
    await Promise.all(answers.map(close))
  }
}
