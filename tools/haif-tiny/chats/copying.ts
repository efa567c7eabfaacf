/**
 * Tasks whose answer stands in the prompt: repeat, spell, write in capitals, put into JSON.
 */
import type { Draws } from '../draws.ts'
import { GENERAL_FACTS } from '../knowledge/general.ts'
import { HAIF_FACTS } from '../knowledge/haif.ts'
import { SMALL_WORDS } from '../knowledge/words.ts'
import { capitalized, exchange, type Message } from './chat.ts'
import { anyName, anyWord, randomLetters } from './unseen-words.ts'

export function repeat(draw: Draws): Message[] {
  const text = something(draw)
  const form = draw.pick([
    'Repeat: %t',
    'Repeat: %t',
    'Repeat: %t',
    'repeat: %t',
    'Repeat %t',
    'repeat %t',
    'Repeat after me: %t',
    'Please repeat: %t',
    'Repeat this: %t',
    'Repeat the following: %t',
    'Repeat the words: %t',
    'Say: %t',
    'Say %t',
    'say %t',
    'Say "%t"',
    'Repeat "%t"',
    'Please say "%t".',
    'Echo: %t',
    'echo %t',
    'Copy this: %t',
    'Copy: %t',
    'Write: %t',
    'Just say %t',
    'Repeat after me:\n%t'
  ])
  return exchange(
    form.replace('%t', () => text),
    text
  )
}

export function repeatTwice(draw: Draws): Message[] {
  const word = anyWord(draw)
  const [times, count] = draw.pick([
    ['twice', 2],
    ['two times', 2],
    ['three times', 3]
  ] as const)
  const form = draw.pick(['Say %t %n.', 'Repeat %t %n.', 'Write %t %n', 'say %t %n'])
  return exchange(
    form.replace('%t', word).replace('%n', times),
    Array.from({ length: count }, () => word).join(' ')
  )
}

export function spell(draw: Draws): Message[] {
  const word = cased(draw, anyWord(draw))
  const form = draw.pick([
    'Spell %t',
    'Spell the word %t.',
    'How do you spell %t?',
    'spell %t',
    'Spell: %t',
    'Can you spell %t?'
  ])
  return exchange(form.replace('%t', word), word.split('').join('-'))
}

export function changeCase(draw: Draws): Message[] {
  const word = cased(draw, anyWord(draw)) + (draw.chance(0.25) ? ` ${anyWord(draw)}` : '')
  if (draw.chance(0.3)) {
    const form = draw.pick([
      'Write %t in lowercase.',
      'lowercase %t',
      'Make %t lowercase.',
      'Lowercase: %t'
    ])
    return exchange(form.replace('%t', word.toUpperCase()), word.toLowerCase())
  }
  const form = draw.pick([
    'Write %t in uppercase.',
    'uppercase %t',
    'Make %t uppercase.',
    'Uppercase: %t',
    'Write %t in capital letters.',
    'Convert %t to uppercase.'
  ])
  return exchange(form.replace('%t', word), word.toUpperCase())
}

export function oneLetter(draw: Draws): Message[] {
  const word = anyWord(draw)
  const which = draw.chance(0.65) ? 'first' : 'last'
  const letter = which === 'first' ? word.charAt(0) : word.charAt(word.length - 1)
  const form = draw.pick([
    'What is the %p letter of %t?',
    '%p letter of %t?',
    'Tell me the %p letter of %t.'
  ])
  return exchange(
    capitalized(form.replace('%p', which).replace('%t', word)),
    `The ${which} letter of ${word} is ${letter}.`
  )
}

export function json(draw: Draws): Message[] {
  const name = anyName(draw)
  const age = draw.integer(1, 99)
  const form = draw.pick([
    'Give me JSON with name %n and age %a.',
    'Write JSON for a person named %n who is %a years old.',
    'JSON: name %n, age %a',
    'json with name %n and age %a',
    'Write a JSON object with name %n and age %a.',
    'Make JSON of this: %n is %a years old.'
  ])
  return exchange(
    form.replace('%n', name).replace('%a', String(age)),
    `{"name": "${name}", "age": ${age}}`
  )
}

export function count(draw: Draws): Message[] {
  const from = draw.integer(0, 20)
  const to = from + draw.integer(2, 10)
  const form = draw.pick([
    'Count from %f to %t.',
    'Count from %f to %t',
    'count %f to %t',
    'Please count from %f to %t',
    'count from %f to %t'
  ])
  return exchange(
    form.replace('%f', String(from)).replace('%t', String(to)),
    Array.from({ length: to - from + 1 }, (_, i) => from + i).join(', ')
  )
}

/** A piece of a text that the model knows: copying must win over reciting. */
function quotation(draw: Draws): string {
  const words = draw.pick(KNOWN_TEXTS).split(' ')
  const start = draw.integer(0, words.length - 1)
  return words.slice(start, start + draw.integer(1, 7)).join(' ')
}

const KNOWN_TEXTS = [...HAIF_FACTS, ...GENERAL_FACTS].flatMap(({ answer, questions = [] }) => [
  answer,
  ...questions
])

/** One to twelve words, numbers or strings of letters, in the shapes that text has. */
function something(draw: Draws): string {
  if (draw.chance(0.15)) return quotation(draw)
  const plain = draw.chance(0.3) ? 0.8 : 0.15 // some texts are mostly small words, as sentences are
  const length = draw.chance(0.75) ? draw.integer(1, 4) : draw.integer(5, 12)
  const parts = Array.from({ length }, () => {
    if (draw.chance(plain)) return draw.pick(SMALL_WORDS)
    const kind = draw.integer(0, 19)
    if (kind === 0) return String(draw.integer(0, 9999))
    if (kind === 1) return randomLetters(draw)
    return cased(draw, anyWord(draw))
  })
  const text = parts.join(draw.chance(0.9) ? ' ' : draw.pick([', ', '-', ' and ']))
  if (draw.chance(0.15)) return capitalized(text) + draw.pick(['.', '!', '?'])
  return text
}

function cased(draw: Draws, word: string): string {
  const kind = draw.integer(0, 19)
  if (kind === 0) return word.toUpperCase()
  return kind < 5 ? capitalized(word) : word
}
