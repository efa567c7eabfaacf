/**
 * Words that nobody has ever read: made of syllables, of letters, or of real words put together.
 *
 * They teach copying. With a closed list of words a model learns the list; when no word comes
 * twice, looking it up in the prompt is the only thing that works.
 */
import type { Draws } from '../draws.ts'
import { isHeldOut } from '../held-out.ts'
import { ADJECTIVES, NAMES, NOUNS, VERBS } from '../knowledge/words.ts'
import { capitalized } from './chat.ts'

/** A word to copy: real or made up, never one that is held out. */
export function anyWord(draw: Draws): string {
  return taught(() => {
    const kind = draw.integer(0, 9)
    if (kind < 4) return pseudoWord(draw)
    if (kind < 8) return draw.pick(REAL_WORDS)
    if (kind === 8) return draw.pick(NAMES)
    return randomLetters(draw)
  })
}

export function anyName(draw: Draws): string {
  return taught(() => (draw.chance(0.35) ? draw.pick(NAMES) : capitalized(pseudoWord(draw))))
}

/** Looks like a word: "zorvan", "brixley", "oduya". */
export function pseudoWord(draw: Draws): string {
  const syllables = draw.pick([1, 2, 2, 2, 2, 3, 3])
  let word = ''
  for (let i = 0; i < syllables; i++) {
    word += draw.pick(ONSETS) + draw.pick(VOWELS) + (draw.chance(0.5) ? draw.pick(CODAS) : '')
  }
  return word.length < 3 ? word + draw.pick(CODAS) : word
}

/** Looks like nothing: "xkqv", "asdfgh". */
export function randomLetters(draw: Draws): string {
  const alphabet = draw.pick([LETTERS, LETTERS, 'asdfghjkl', 'qwertyuiop', 'bcdfghjklmnpqrstvwxz'])
  return Array.from({ length: draw.integer(2, 8) }, () => draw.pick(Array.from(alphabet))).join('')
}

function taught(make: () => string): string {
  let word = make()
  while (isHeldOut(word)) word = make()
  return word
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const REAL_WORDS = [...NOUNS, ...ADJECTIVES, ...VERBS]
const ONSETS = [
  '',
  ...letters(
    'bcdfghjklmnpqrstvwxyzbcdfghklmnprstvz',
    'br bl ch cl cr dr fl fr gl gr kr pl pr qu sc sh sk sl sm sn sp st str th tr tw wh zh'
  )
]
const VOWELS = letters('aeiouaeiouaeiouy', 'ai ea ee ie oa oo ou ei au ia io ae')
const CODAS = letters(
  'bdfgklmnprstvxzlnrs',
  'ck ld lk ll lm lt mp nd ng nk nt rd rk rm rn rt sh sk ss st th x tt ley son ton'
)

/** Single letters as often as they stand there, and groups of letters. */
function letters(single: string, groups: string): string[] {
  return [...Array.from(single), ...groups.split(' ')]
}
