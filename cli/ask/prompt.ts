/** Reads the prompt: the argument, what is piped in, or the one followed by the other. */
import type { ReadStream } from 'node:tty'
import { HaifError } from '#shared/errors.ts'

/** As the contract of an inference has it. */
const CHARACTERS_MAX = 1_048_576

export async function readPrompt(argument: string, stdin: ReadStream): Promise<string> {
  const piped = stdin.isTTY ? '' : (await readAll(stdin)).trimEnd()
  const prompt = [argument, piped].filter((text) => text.trim() !== '').join('\n\n')
  if (prompt === '') {
    throw new HaifError(
      'VALIDATION_FAILED',
      'there is nothing to ask: write haif infer "a question", or pipe a text into it'
    )
  }
  if (prompt.length > CHARACTERS_MAX) throw tooLong()
  return prompt
}

async function readAll(stdin: ReadStream): Promise<string> {
  stdin.setEncoding('utf8')
  let text = ''
  for await (const chunk of stdin as AsyncIterable<string>) {
    text += chunk
    if (text.length > CHARACTERS_MAX) throw tooLong()
  }
  return text
}

function tooLong(): HaifError {
  return new HaifError(
    'VALIDATION_FAILED',
    `the prompt has more than ${CHARACTERS_MAX} characters; send a shorter one`
  )
}
