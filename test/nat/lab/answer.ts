/** Answers the questions that the test asks a program of the laboratory, over IPC. */
import process from 'node:process'

interface Question {
  id: number
  question: string
  value: unknown
}

export function answer(answers: Record<string, (value: never) => unknown>): void {
  process.on('message', ({ id, question, value }: Question) => {
    Promise.resolve()
      .then(() => answers[question]!(value as never))
      .then(
        (given) => process.send!({ id, answer: given }),
        (error: Error) => process.send!({ id, error: `${question}: ${error.message}` })
      )
  })
  process.on('disconnect', () => process.exit())
}
