/** Where `haif join` gets the topic key from: an argument, a pipe, a file, or a person. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { text as textOf } from 'node:stream/consumers'
import { HaifError } from '#shared/errors.ts'
import type { Invite } from '#shared/mesh/membership/invite.ts'

/** Null when none is given. */
export async function readTopicKey(
  argument: string | undefined,
  file: string | undefined
): Promise<string | null> {
  if (argument !== undefined && file !== undefined) {
    throw new HaifError('CONFIG_INVALID', 'give the topic key itself or --invite-file, not both')
  }
  if (file !== undefined) return readKeyFile(file)
  return argument === '-' ? textOf(process.stdin) : (argument ?? null)
}

/** Null where nobody sits at the terminal. */
export async function askTopicKey(): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question('topic key, as "haif invite" prints it where the mesh runs: ')
  } finally {
    lines.close()
  }
}

/** The command hides its arguments, but npx and the shell that started it do not. */
export function warnIfSeen({ usesMax, expiresAt }: Invite): void {
  if (usesMax === 1 && expiresAt !== null) return
  process.stderr.write(
    'haif: this topic key can be used again, and as an argument other users of this machine may ' +
      'have seen it: better haif join -, --invite-file, or HAIF_TOPIC_KEY\n'
  )
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new HaifError('CONFIG_INVALID', `--invite-file ${file} cannot be read (${code})`, {
      cause: error
    })
  }
}
