/** What people type who come from other programs, as this one calls it. */

const OTHERS = new Map<string, readonly string[]>([
  ['ls', ['models', 'ls']],
  ['list', ['models', 'ls']],
  ['ps', ['models', 'ps']],
  ['pull', ['models', 'pull']],
  ['rm', ['models', 'rm']],
  ['show', ['models', 'show']],
  ['stop', ['models', 'unload']],
  ['serve', ['up']],
  ['version', ['--version']],
  ['-v', ['--version']]
])

/** The words in place of the first one; none where none was typed. */
export const otherWords = (word: string | undefined): readonly string[] =>
  word === undefined ? [] : (OTHERS.get(word) ?? [word])
