/** Asks the person at the terminal before something that cannot be taken back. */
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { HaifError } from '#shared/errors.ts'

interface Confirmation {
  /** What will happen, in lines. They are said in any case. */
  says: readonly string[]
  question: string
  /** `--yes` */
  yes: boolean
}

/** A script, which nobody watches, goes on. Throws CANCELLED where a person does not agree. */
export async function confirm(
  { says, question, yes }: Confirmation,
  terminal: Terminal = process
): Promise<void> {
  const { stdin, stderr } = terminal
  for (const line of says) stderr.write(`${line}\n`)
  if (yes || !stdin.isTTY || !stderr.isTTY) return
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `)
    if (/^\s*y(es)?\s*$/i.test(answer)) return
  } finally {
    lines.close()
  }
  throw new HaifError('CANCELLED', 'nothing was changed')
}

export type Terminal = Pick<NodeJS.Process, 'stdin' | 'stderr'>
