/**
 * The many ways in which people type one question.
 *
 * A model of this size learns wordings, not meanings: what it shall understand without capitals or
 * a question mark, it must have read without them.
 */
import type { Draws } from '../draws.ts'
import { capitalized } from './chat.ts'

/** A question about a subject: "the gateway" gives "Explain the gateway." and so on. */
export function askAbout(draw: Draws, subject: string): string {
  const form = draw.chance(0.45) ? draw.pick(PLAIN_FORMS) : draw.pick(OTHER_FORMS)
  return capitalized(form.replace('%s', subject))
}

/** The same question as different people would type it. */
export function retype(draw: Draws, question: string): string {
  let text = question
  if (draw.chance(POLITE_SHARE)) text = draw.pick(POLITE) + uncapitalized(text)
  else if (draw.chance(OPENING_SHARE)) text = draw.pick(OPENINGS) + text
  if (draw.chance(0.05)) text = text.replace(/[.?!]*$/, (end) => draw.pick(ENDINGS) + end)
  if (draw.chance(0.2)) text = text.replace(/\bWhat is\b/i, "What's")
  if (draw.chance(0.28)) text = text.replace(/[?.!]+$/, '')
  else if (draw.chance(0.05)) text += draw.pick(['?', '!', '??', ' ', ' ?', '\n'])
  if (draw.chance(0.28)) text = text.toLowerCase()
  else if (draw.chance(0.03)) text = text.toUpperCase()
  if (draw.chance(0.05)) text = withTypo(draw, text)
  return text
}

const POLITE_SHARE = 0.06
const OPENING_SHARE = 0.06

const PLAIN_FORMS = [
  'what is %s?',
  'what is %s?',
  'what are %s?',
  'explain %s.',
  'tell me about %s.',
  '%s',
  '%s?'
]
const OTHER_FORMS = [
  'describe %s.',
  'define %s.',
  'what does %s mean?',
  'what do you know about %s?',
  'can you explain %s?',
  'could you explain %s to me?',
  'can you tell me about %s?',
  'can you describe %s?',
  'please explain %s.',
  'tell me more about %s.',
  'tell me something about %s.',
  'give me an overview of %s.',
  'give me a short description of %s.',
  'what exactly is %s?',
  'do you know %s?',
  'do you know what %s is?',
  'have you heard of %s?',
  'I want to know more about %s.',
  'I have a question about %s.',
  'I do not understand %s.',
  'explain to me what %s is.',
  'say something about %s.',
  'who or what is %s?',
  'what is meant by %s?',
  'how would you describe %s?',
  'how would you explain %s?',
  'explain %s like I am five.',
  'teach me about %s.',
  'help me understand %s.',
  'what is the meaning of %s?',
  'what about %s?',
  'how about %s?',
  'and %s?',
  'question about %s',
  'how does %s work?',
  'do I need %s?',
  'is %s required?',
  'is there %s?',
  'what is %s for?',
  'what is %s used for?',
  'why do I need %s?',
  'what is the purpose of %s?',
  'what does %s do?',
  'does HAIF support %s?',
  'does it support %s?',
  'does it work with %s?',
  'what can you tell me about %s?'
]

const POLITE = [
  'Please ',
  'please ',
  'Can you tell me: ',
  'I want to know: ',
  'Tell me, ',
  'Question: ',
  'Quick question: '
]
const OPENINGS = [
  'Hi! ',
  'Hello! ',
  'Hey, ',
  'Hi, ',
  'OK, ',
  'So, ',
  'And ',
  'Well, ',
  'Thanks. ',
  'Hello. '
]
const ENDINGS = [
  ' in one sentence',
  ' in a few words',
  ' briefly',
  ' for me',
  ' please',
  ', please',
  ' in simple words',
  ' exactly',
  ' again',
  ' in simple terms',
  ' in two sentences',
  ' like I am ten',
  ' to a beginner',
  ' and why does it matter',
  ' and what does it do for me',
  ' now'
]

/** One letter lost, doubled or swapped with its neighbour. */
function withTypo(draw: Draws, text: string): string {
  const at = draw.integer(0, Math.max(0, text.length - 2))
  const [before, a, b, after] = [
    text.slice(0, at),
    text.charAt(at),
    text.charAt(at + 1),
    text.slice(at + 2)
  ]
  if (!/[a-z]/i.test(a) || !/[a-z]/i.test(b)) return text
  return before + draw.pick([b, a + a + b, b + a]) + after
}

const uncapitalized = (text: string): string =>
  /^[A-Z][a-z]/.test(text) && !/^I\b/.test(text)
    ? text.charAt(0).toLowerCase() + text.slice(1)
    : text
