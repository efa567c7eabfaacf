/** Reads all answers to their end. */
import type { AnswerParts } from '../../ask/answer-parts.ts'
import { Gathered } from './reply.ts'

export async function gather(parts: AnswerParts, choices: number): Promise<Gathered[]> {
  const answers = Array.from({ length: choices }, () => new Gathered())
  for await (const together of parts) {
    for (const part of together) {
      const answer = answers[part.index]!
      if (part.kind === 'item') answer.add(part.item)
      else answer.end = part.end
    }
  }
  return answers
}
