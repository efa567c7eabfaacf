/** Does what a person has asked for, and says how it went. */
import { signal } from '@preact/signals'
import { notify } from '../../../ui/notices.ts'
import { openPanel } from '../../../ui/panels.ts'
import { act, type ActionName, type Wish } from '../mesh/actions.ts'
import { failureOf, refresh } from '../mesh/read.ts'

interface Manner {
  /** Said when it is done. */
  done: string
  /** The addresses that have changed by it. */
  changes?: readonly string[]
}

/** Resolves with the reply; with null when it failed, which has been said. */
export async function perform<Reply>(
  name: ActionName,
  wish: Wish,
  { done, changes = [] }: Manner
): Promise<Reply | null> {
  try {
    const reply = await act<Reply>(name, wish)
    if (done !== '') notify(done)
    return reply ?? ({} as Reply)
  } catch (error) {
    notify(failureOf(error).message)
    return null
  } finally {
    refresh(...changes)
  }
}

interface Question {
  title: string
  /** What will happen, and what will not. */
  text: string
  verb: string
  act: () => unknown
}

/** What the open dialog asks. */
export const question = signal<Question | null>(null)

/** Asks first: for what cannot be taken back. */
export function confirm(asked: Question): void {
  question.value = asked
  openPanel('confirm')
}
