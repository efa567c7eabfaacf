/**
 * Questions with an answer to know by heart: HAIF, greetings, capitals and other small things.
 */
import type { Draws } from '../draws.ts'
import {
  ANIMAL_SOUNDS,
  CAPITALS,
  COLORS,
  DAYS,
  ELEMENTS,
  GENERAL_FACTS,
  GREETINGS,
  MONTHS,
  OPPOSITES
} from '../knowledge/general.ts'
import { HAIF_FACTS, type Fact } from '../knowledge/haif.ts'
import { capitalized, exchange, withArticle, type Message } from './chat.ts'
import { askAbout, retype } from './wording.ts'

export function haifFact(draw: Draws): Message[] {
  return askFact(draw, draw.pick(WEIGHTED_HAIF_FACTS))
}

/** Each fact as often as its share says, in twentieths. */
const WEIGHTED_HAIF_FACTS = HAIF_FACTS.flatMap((fact) =>
  Array.from({ length: Math.round((fact.share ?? 1) * 20) }, () => fact)
)

function askFact(draw: Draws, { subjects = [], questions = [], answer }: Fact): Message[] {
  const aboutSubject = questions.length === 0 || (subjects.length > 0 && draw.chance(0.5))
  const question = aboutSubject ? askAbout(draw, draw.pick(subjects)) : draw.pick(questions)
  return exchange(retype(draw, question), answer)
}

export function greeting(draw: Draws): Message[] {
  const [phrases, answer] = draw.pick(GREETINGS)
  let phrase = draw.pick(phrases)
  if (draw.chance(0.3)) phrase += draw.pick(['!', '.', '!!', '?', ' :)', ', HAIF', ' my friend'])
  if (draw.chance(0.35)) phrase = phrase.toLowerCase()
  return exchange(phrase, answer)
}

export function capital(draw: Draws): Message[] {
  const [country, city] = draw.pick(CAPITALS)
  return exchange(askCapital(draw, country), `The capital of ${country} is ${city}.`)
}

export function askCapital(draw: Draws, country: string): string {
  const form = draw.pick([
    'What is the capital of %c?',
    'What is the capital of %c?',
    'capital of %c',
    'Capital of %c?',
    'Which city is the capital of %c?',
    'Tell me the capital of %c.',
    'Name the capital of %c.',
    'Do you know the capital of %c?',
    'What is the capital city of %c?'
  ])
  return retype(draw, form.replace('%c', country))
}

export function opposite(draw: Draws): Message[] {
  const [word, other] = draw.pick(OPPOSITES)
  return exchange(askOpposite(draw, word), `The opposite of ${word} is ${other}.`)
}

export function askOpposite(draw: Draws, word: string): string {
  const form = draw.pick([
    'What is the opposite of %w?',
    'opposite of %w',
    'Give me the opposite of %w.',
    'What is the antonym of %w?',
    'Tell me the opposite of %w.'
  ])
  return retype(draw, form.replace('%w', word))
}

export function smallFact(draw: Draws): Message[] {
  switch (draw.integer(0, 7)) {
    case 0:
      return neighbour(draw, 'day', DAYS)
    case 1:
      return neighbour(draw, 'month', MONTHS)
    case 2: {
      const [animal, sound] = draw.pick(ANIMAL_SOUNDS)
      const form = draw.pick(['What sound does %a make?', 'What does %a say?'])
      return exchange(
        retype(draw, form.replace('%a', withArticle(animal))),
        `${capitalized(withArticle(animal))} says ${sound}.`
      )
    }
    case 3: {
      const [element, symbol] = draw.pick(ELEMENTS)
      const form = draw.pick(['What is the chemical symbol for %e?', 'What is the symbol of %e?'])
      return exchange(
        retype(draw, form.replace('%e', element)),
        `The symbol for ${element} is ${symbol}.`
      )
    }
    case 4: {
      const [thing, color] = draw.pick(COLORS)
      const form = draw.pick(['What color is %t?', 'What colour is %t?'])
      return exchange(retype(draw, form.replace('%t', thing)), `${capitalized(thing)} is ${color}.`)
    }
    default:
      return askFact(draw, draw.pick(GENERAL_FACTS))
  }
}

function neighbour(draw: Draws, unit: string, list: readonly string[]): Message[] {
  const index = draw.integer(0, list.length - 1)
  const after = draw.chance(0.5)
  const other = list[(index + (after ? 1 : list.length - 1)) % list.length]!
  const where = after ? 'after' : 'before'
  return exchange(
    retype(draw, `What ${unit} comes ${where} ${list[index]}?`),
    `${other} comes ${where} ${list[index]}.`
  )
}
