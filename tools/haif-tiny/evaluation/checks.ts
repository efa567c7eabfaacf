/**
 * What a trained model is asked in evaluate.ts: nothing in here occurs in the corpus, except where
 * the name of a group says so.
 */
import { capitalized, exchange, type Message } from '../chats/chat.ts'
import { answerSum, isHeldOutSum, type Sum } from '../chats/sums.ts'
import { pseudoWord } from '../chats/unseen-words.ts'
import { CHATS, LONG_CHATS, makeChats, makeLongChats } from '../corpus.ts'
import { createDraws, type Draws } from '../draws.ts'
import { isHeldOut } from '../held-out.ts'
import { CAPITALS, GREETINGS, OPPOSITES } from '../knowledge/general.ts'
import { HAIF_FACTS, WHAT_IS_HAIF } from '../knowledge/haif.ts'
import { ABOUT_HAIF, FACTS, GIBBERISH, SENTENCES, UNKNOWN_QUESTIONS } from './questions.ts'

export interface Check {
  messages: Message[]
  expected: RegExp | string
  /** Sent as bare text, without a chat template. */
  bare?: boolean
}

export interface Group {
  name: string
  checks: Check[]
}

const REFUSAL = /^(I do not know that|That is too hard|I do not understand|That sum is too big)/
const HOW_MANY = 100
const SYSTEM: Message = ['system', 'You are a kind robot. Keep it short, please.']

export function makeGroups(seed: number): Group[] {
  const draw = createDraws(seed)
  return [...knowledge(), ...refusals(), ...arithmetic(draw), ...copying(draw), ...stories()]
}

/** Chats that get longer and longer: where does the model stop to work? */
export function makeDepthGroup(seed: number, depthTokens: number): Group {
  const draw = createDraws(seed)
  const chats = makeChats(seed)
  return {
    name: `a chat of about ${depthTokens} tokens`,
    checks: Array.from({ length: 30 }, (_, i) => {
      const name = heldOutName(draw)
      const told = exchange(`My name is ${name}.`, greet(name))
      const before = [...told, ...filler(chats, depthTokens - OTHER_TOKENS)]
      const last = LAST_QUESTIONS[i % LAST_QUESTIONS.length]!
      const { question, expected } = last(draw, name)
      return { messages: [...before, ...asked(question)], expected }
    })
  }
}

const OTHER_TOKENS = 90 // the name told, the last question, half an exchange too many

const LAST_QUESTIONS = [
  (_draw: Draws, name: string) => ({
    question: 'What is my name?',
    expected: `Your name is ${name}.`
  }),
  () => ({ question: 'What is HAIF?', expected: WHAT_IS_HAIF }),
  (draw: Draws) => {
    const word = heldOutWord(draw)
    return { question: `Repeat: ${word}`, expected: word }
  }
]

function knowledge(): Group[] {
  const about = ABOUT_HAIF.filter(unseen)
  const facts = FACTS.filter(([question]) => unseen(question))
  return [
    { name: '"What is HAIF?" in unseen words', checks: about.map(whatIsHaif) },
    {
      name: '… under an unseen system prompt',
      checks: about.map((q) => ({ messages: [SYSTEM, ...asked(q)], expected: WHAT_IS_HAIF }))
    },
    {
      name: '… without a chat template',
      checks: about.map((q) => ({ ...whatIsHaif(q), bare: true }))
    },
    {
      name: 'other facts about HAIF in unseen words',
      checks: facts.map(([q, expected]) => ({ messages: asked(q), expected }))
    },
    {
      name: 'facts about HAIF in words of the corpus',
      checks: HAIF_FACTS.flatMap(({ questions = [], answer }) =>
        questions.map((q) => ({ messages: asked(q), expected: answer }))
      )
    },
    {
      name: 'greetings of the corpus',
      checks: GREETINGS.flatMap(([phrases, answer]) =>
        phrases.map((phrase) => ({ messages: asked(phrase), expected: answer }))
      )
    },
    {
      name: 'capitals of the corpus',
      checks: CAPITALS.map(([country, city]) => ({
        messages: asked(`What is the capital of ${country}?`),
        expected: `The capital of ${country} is ${city}.`
      }))
    },
    {
      name: 'opposites of the corpus',
      checks: OPPOSITES.map(([word, other]) => ({
        messages: asked(`What is the opposite of ${word}?`),
        expected: `The opposite of ${word} is ${other}.`
      }))
    }
  ]
}

function refusals(): Group[] {
  return [
    { name: 'refuses unseen questions and tasks', checks: refused(UNKNOWN_QUESTIONS) },
    { name: 'refuses unseen gibberish', checks: refused(GIBBERISH) }
  ]
}

/** All that are held out: there are some 500 of each operator, and fewer that fit. */
function arithmetic(draw: Draws): Group[] {
  const sums = (fits: (sum: Sum) => boolean): Check[] =>
    HELD_OUT_SUMS.filter(fits).map((sum) => {
      const formula = `${sum.a} ${sum.operator} ${sum.b}`
      const form = draw.pick(['What is %f?', '%f', 'Calculate %f.'])
      return { messages: asked(form.replace('%f', formula)), expected: answerSum(sum) }
    })
  return [
    { name: 'additions held out', checks: sums(({ operator }) => operator === '+') },
    {
      name: 'subtractions held out',
      checks: sums((sum) => isPositiveDifference(sum) && !borrows(sum))
    },
    { name: '… with a borrow', checks: sums((sum) => isPositiveDifference(sum) && borrows(sum)) },
    {
      name: 'refuses sums of three digits',
      checks: refused(NUMBERS.slice(0, 50).map((i) => `What is ${101 + i * 17} + ${120 + i * 13}?`))
    }
  ]
}

function copying(draw: Draws): Group[] {
  const word = () => heldOutWord(draw)
  const remember = (between: Message[]): Check => {
    const name = heldOutName(draw)
    const told = exchange(`My name is ${name}.`, greet(name))
    return {
      messages: [...told, ...between, ...asked('What is my name?')],
      expected: `Your name is ${name}.`
    }
  }
  const other = [
    ...exchange('What is 2 + 3?', '2 + 3 = 5'),
    ...exchange('Thanks', 'You are welcome!')
  ]
  return [
    { name: 'repeats an unseen word', checks: repeatedly(() => repeat(word())) },
    {
      name: 'repeats three unseen words',
      checks: repeatedly(() => repeat(`${word()} ${word()} ${word()}`))
    },
    {
      name: 'repeats an unseen sentence',
      checks: SENTENCES.filter((text) => unseen(`Repeat: ${text}`)).map(repeat)
    },
    { name: 'remembers an unseen name', checks: repeatedly(() => remember([])) },
    { name: '… after two other exchanges', checks: repeatedly(() => remember(other)) },
    { name: 'spells an unseen word', checks: repeatedly(() => spell(word())) },
    { name: 'writes an unseen word in capitals', checks: repeatedly(() => uppercase(word())) },
    { name: 'JSON with an unseen name', checks: repeatedly(() => json(draw, heldOutName(draw))) }
  ]
}

function stories(): Group[] {
  const told = /^Once upon a time there was an? \w+ fox named (\w+)\. \1 lived .*\.$/
  const questions = [
    'Tell me a story about a fox.',
    'story about a fox',
    'Can you tell a story about a fox?'
  ]
  return [
    { name: 'a story', checks: questions.map((q) => ({ messages: asked(q), expected: told })) }
  ]
}

const whatIsHaif = (question: string): Check => ({
  messages: asked(question),
  expected: WHAT_IS_HAIF
})

const refused = (questions: readonly string[]): Check[] =>
  questions.filter(unseen).map((q) => ({ messages: asked(q), expected: REFUSAL }))

const isPositiveDifference = ({ a, operator, b }: Sum): boolean => operator === '-' && a >= b
const borrows = ({ a, b }: Sum): boolean => a % 10 < b % 10

const repeat = (text: string): Check => ({ messages: asked(`Repeat: ${text}`), expected: text })

const spell = (word: string): Check => ({
  messages: asked(`Spell ${word}`),
  expected: word.split('').join('-')
})

const uppercase = (word: string): Check => ({
  messages: asked(`Write ${word} in uppercase.`),
  expected: word.toUpperCase()
})

function json(draw: Draws, name: string): Check {
  const age = draw.integer(1, 99)
  return {
    messages: asked(`Give me JSON with name ${name} and age ${age}.`),
    expected: `{"name": "${name}", "age": ${age}}`
  }
}

const asked = (question: string): Message[] => [['user', question]]
const greet = (name: string): string => `Nice to meet you, ${name}! What can I do for you?`
const repeatedly = <Item>(make: () => Item): Item[] => Array.from({ length: HOW_MANY }, make)

/** A word that the corpus is not allowed to contain. */
function heldOutWord(draw: Draws): string {
  let word = pseudoWord(draw)
  while (!isHeldOut(word)) word = pseudoWord(draw)
  return word
}
const heldOutName = (draw: Draws): string => capitalized(heldOutWord(draw))

const NUMBERS = Array.from({ length: 100 }, (_, i) => i)
const HELD_OUT_SUMS: Sum[] = NUMBERS.flatMap((a) =>
  NUMBERS.flatMap((b): Sum[] => [
    { a, operator: '+', b },
    { a, operator: '-', b }
  ])
).filter(isHeldOutSum)

const CHARACTERS_PER_TOKEN = 1.9 // of chats as the corpus makes them, with their templates

/** Exchanges of many kinds that fill so many tokens and tell no name. */
function filler(chats: ReturnType<typeof makeChats>, tokens: number): Message[] {
  const messages: Message[] = []
  let characters = 0
  while (characters < tokens * CHARACTERS_PER_TOKEN) {
    const { messages: some, template } = chats.next().value
    if (!template || some.some(([role, text]) => role === 'system' || TELLS.test(text))) continue
    messages.push(...some)
    characters += some.reduce((all, [, text]) => all + text.length, 0)
  }
  return messages
}
const TELLS = /remember|name|meet/i

const corpusQuestions = new Set<string>()
for (const chats of [makeChats(1).take(CHATS), makeLongChats(2).take(LONG_CHATS)]) {
  for (const { messages } of chats) {
    for (const [role, text] of messages) if (role === 'user') corpusQuestions.add(normalized(text))
  }
}
const unseen = (question: string): boolean => !corpusQuestions.has(normalized(question))

function normalized(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}+*/-]+/gu, ' ')
    .trim()
    .toLowerCase()
}
