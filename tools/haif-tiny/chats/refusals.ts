/**
 * Saying "I do not know".
 *
 * Most of what people ask is beyond a model of this size, and the honest answer has to come from
 * the shape of a question, not from a list of questions: so the templates are many, and the words
 * in them are drawn from everything the corpus knows, and from words that do not exist.
 */
import { fill, type Draws } from '../draws.ts'
import { CAPITALS, OPPOSITES } from '../knowledge/general.ts'
import { ADJECTIVES, NAMES, NOUNS, VERBS } from '../knowledge/words.ts'
import { capitalized, exchange, withArticle, type Message } from './chat.ts'
import { askCapital, askOpposite } from './facts.ts'
import { anyName, anyWord, pseudoWord, randomLetters } from './unseen-words.ts'
import { askAbout, retype } from './wording.ts'

const UNKNOWN = 'I do not know that. I am a tiny model; load a larger one for questions like this.'
const TOO_HARD = 'That is too hard for me. I am a tiny model; load a larger one for real work.'
const NOT_UNDERSTOOD =
  'I do not understand that. I am a tiny model; try a short question about HAIF.'

/** A question about the world. */
export function unknown(draw: Draws): Message[] {
  const kind = draw.integer(0, 19)
  if (kind === 0) return exchange(askCapital(draw, unlisted(draw, CAPITALS, anyName)), UNKNOWN)
  if (kind === 1) return exchange(askOpposite(draw, unlisted(draw, OPPOSITES, anyWord)), UNKNOWN)
  if (kind < 8) return exchange(retype(draw, askAbout(draw, subject(draw))), UNKNOWN)
  return exchange(retype(draw, capitalized(filled(draw, draw.pick(QUESTIONS)))), UNKNOWN)
}

/** A piece of work. */
export function tooHard(draw: Draws): Message[] {
  return exchange(retype(draw, capitalized(filled(draw, draw.pick(TASKS)))), TOO_HARD)
}

/** No question at all. */
export function gibberish(draw: Draws): Message[] {
  const word = () => {
    const kind = draw.integer(0, 9)
    if (kind < 5) return randomLetters(draw)
    if (kind < 9) return pseudoWord(draw)
    return draw.pick(['123', '42', '???', '...', 'xx', '#', '@@', '!!', '--', '/', '%', '&&'])
  }
  const text = Array.from({ length: draw.integer(1, 5) }, word).join(' ')
  if (draw.chance(0.1))
    return exchange(
      draw.pick(['?', '??', '...', '.', '!', '-', '#', ':', '???', '*', ';;', 'x', 'a', 'q', '/']),
      NOT_UNDERSTOOD
    )
  if (draw.chance(0.15))
    return exchange(draw.chance(0.5) ? capitalized(text) : text.toUpperCase(), NOT_UNDERSTOOD)
  return exchange(text + (draw.chance(0.2) ? draw.pick(['?', '!', '.']) : ''), NOT_UNDERSTOOD)
}

function subject(draw: Draws): string {
  const noun = draw.pick(NOUNS)
  const kind = draw.integer(0, 9)
  if (kind < 3) return noun
  if (kind < 5) return withArticle(noun)
  if (kind === 5) return `the ${noun}`
  if (kind === 6) return `${draw.pick(ADJECTIVES)} ${noun}`
  if (kind === 7) return `the ${noun} of ${anyName(draw)}`
  return draw.chance(0.5) ? anyName(draw) : anyWord(draw)
}

function filled(draw: Draws, template: string): string {
  return fill(template, {
    w: () => (draw.chance(0.85) ? draw.pick(NOUNS) : pseudoWord(draw)),
    a: () => draw.pick(ADJECTIVES),
    v: () => draw.pick(VERBS),
    n: () => anyName(draw),
    p: () => `${draw.pick(NAMES)} ${anyName(draw)}`,
    y: () => String(draw.integer(1000, 2030)),
    d: () => String(draw.integer(2, 99))
  })
}

function unlisted(
  draw: Draws,
  list: readonly (readonly [string, string])[],
  make: (draw: Draws) => string
): string {
  const known = new Set(list.map(([word]) => word.toLowerCase()))
  let word = make(draw)
  while (known.has(word.toLowerCase())) word = make(draw)
  return word
}

const QUESTIONS = [
  'who is %p?',
  'who was %p?',
  'who is %n?',
  'who invented the %w?',
  'who discovered %w?',
  'who wrote %n?',
  'who painted the %w?',
  'who is the president of %n?',
  'who is the king of %n?',
  'who won the %w in %y?',
  'who won the World Cup in %y?',
  'who is the best %w?',
  'who owns the %w?',
  'who was the first %w?',
  'who built the %w?',
  'when was %p born?',
  'when was the %w invented?',
  'when did %p die?',
  'when did the %w begin?',
  'when is the next %w?',
  'when does the %w open?',
  'where is %n?',
  'where is the %w?',
  'where can I buy a %w?',
  'where do %ws come from?',
  'where was %p born?',
  'where does %w come from?',
  'why is the %w %a?',
  'why is %w important?',
  'why do people %v?',
  'why does a %w need %w?',
  'why are %ws %a?',
  'why do we need %w?',
  'why does %w %v?',
  'how does a %w work?',
  'how does %w work?',
  'how do I %v a %w?',
  'how do I %v %w?',
  'how can I %v a %w?',
  'how do you %v a %w?',
  'how to %v a %w?',
  'how to %v %w',
  'how do I make %w?',
  'how do I become a %w?',
  'how do I get rid of %w?',
  'how old is %p?',
  'how old is the %w?',
  'how tall is the %w?',
  'how tall is %n?',
  'how long is a %w?',
  'how long does it take to %v a %w?',
  'how big is the %w?',
  'how far is %n from %n?',
  'how far is the %w?',
  'how fast is a %w?',
  'how heavy is a %w?',
  'how many %ws are there?',
  'how many %ws are in a %w?',
  'how many people live in %n?',
  'how much does a %w cost?',
  'how much is a %w?',
  'how deep is the %w?',
  'is %w %a?',
  'is a %w %a?',
  'is %n a good %w?',
  'is there a %w in %n?',
  'is it true that %ws %v?',
  'are %ws %a?',
  'can a %w %v?',
  'can I %v a %w?',
  'can you %v a %w?',
  'can %ws %v?',
  'do %ws %v?',
  'do you like %w?',
  'do you like %n?',
  'does a %w %v?',
  'does %n have a %w?',
  'did %p %v the %w?',
  'should I %v a %w?',
  'should I buy a %w or a %w?',
  'what is the difference between %w and %w?',
  'what is the difference between a %w and a %w?',
  'what is the best %w?',
  'what is the best way to %v a %w?',
  'what is the price of %w?',
  'what is the history of %w?',
  'what is the largest %w?',
  'what is the population of %n?',
  'what is the weather today?',
  'what is the weather in %n?',
  'what is the news today?',
  'what is the stock price of %n?',
  'what is the meaning of life?',
  'what is the name of the %w?',
  'what is the name of the %w in %n?',
  'what is the temperature of the %w?',
  'what is the speed of %w?',
  'what is the square root of %d?',
  'what time is it?',
  'what day is today?',
  'what is the date today?',
  'what year is it?',
  'what happened in %y?',
  'what happened to %p?',
  'what do %ws eat?',
  'what do you think about %w?',
  'what do you think of %p?',
  'what does a %w do?',
  'what does a %w look like?',
  'what does %w taste like?',
  'what causes %w?',
  'what kind of %w is a %w?',
  'what is inside a %w?',
  'what should I %v today?',
  'what should I eat?',
  'what is your favourite %w?',
  'what color is a %w?',
  'what sound does a %w make?',
  'what is made of %w?',
  'which %w is the best?',
  'which %w is %a?',
  'which %w should I buy?',
  'which is better, %w or %w?',
  'which country has the most %ws?',
  'which language do people speak in %n?',
  'recommend a %w',
  'tell me the news',
  'tell me about the history of %n',
  'tell me about %p',
  'tell me how to %v a %w',
  'give me a recipe for %w',
  'give me advice about %w',
  'give me %d facts about %w',
  'list %d %ws',
  'name a famous %w',
  'name three %ws',
  'name the %ws of %n',
  'I need a %w',
  'I want to %v a %w',
  'my %w is broken',
  'my %w does not %v',
  'I have a problem with my %w',
  'I am %a',
  'the %w is %a',
  'the %w of %n is %a',
  '%p',
  '%a %w',
  '%w and %w',
  '%w or %w?'
]

const TASKS = [
  'write a poem about %w',
  'write a poem about %n',
  'write a haiku about %w',
  'write an essay about %w',
  'write an essay on %w and %w',
  'write a song about %w',
  'write an email to %n about %w',
  'write a letter to my %w',
  'write a report about %w',
  'write a blog post about %w',
  'write a speech about %w',
  'write a review of the %w',
  'write a novel about %n',
  'write a list of %ws',
  'write Python code to %v a %w',
  'write Python code to sort a list',
  'write a Python function that %vs a %w',
  'write a function in JavaScript',
  'write a function to %v a list',
  'write a program that prints %w',
  'write a program to %v %w',
  'write code for a %w',
  'write SQL for a %w',
  'write a regular expression for %w',
  'write a bash script to %v files',
  'write HTML for a %w',
  'create a website about %w',
  'create a table of %ws',
  'create a plan for a %w',
  'code a %w in Rust',
  'implement a %w in C',
  'implement quicksort',
  'debug this code: %w = %d',
  'fix this code: print(%w)',
  'fix my %w',
  'review my code',
  'translate %w into French',
  'translate "%w" to German',
  'translate this into Spanish: the %w is %a',
  'how do you say %w in Japanese?',
  'how do you say %w in German?',
  'summarize this article about %w',
  'summarize the book %n',
  'summarize this: the %w is %a',
  'summarize the history of %w',
  'compare %w and %w',
  'compare %n and %n',
  'analyze the %w of %n',
  'explain quantum physics',
  'explain the theory of %w',
  'explain how a %w works',
  'explain how to %v a %w',
  'explain why %ws are %a',
  'explain the difference between %w and %w',
  'solve this equation: %dx + %d = %d',
  'solve for x: x + %d = %d',
  'prove that %d is prime',
  'prove the theorem of %n',
  'plan a trip to %n',
  'plan my %w',
  'design a %w',
  'design a %w for %n',
  'draw a %w',
  'draw me a %a %w',
  'sing a song',
  'sing about %w',
  'play %w with me',
  'play a game',
  'search the web for %w',
  'search for %n',
  'open the %w',
  'order a %w',
  'book a %w in %n',
  'call %n',
  'send an email to %n',
  'set an alarm',
  'remind me to %v the %w',
  'make me a %w',
  'make a list of %ws',
  'make a joke about %w',
  'rewrite this sentence: the %w is %a',
  'correct this sentence: the %w are %a',
  'give me legal advice about %w',
  'give me ideas for a %w',
  'generate a %w',
  'generate an image of a %w',
  'generate a password',
  'act as a %w',
  'pretend to be a %w',
  'calculate the %w of a %w',
  'convert %d miles to kilometers',
  'convert %d dollars to euros',
  'think step by step about %w',
  'extract the %ws from this text',
  'classify this text: the %w is %a',
  'discuss %w',
  'argue for %w',
  'list the pros and cons of %w',
  'tell me everything about %w'
]
