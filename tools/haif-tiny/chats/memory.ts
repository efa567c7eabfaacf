/**
 * Things told in one message and asked for later: a name, a town, a number. And the admission that
 * something was never told.
 */
import type { Draws } from '../draws.ts'
import { exchange, type Message } from './chat.ts'
import { anyName, anyWord } from './unseen-words.ts'
import { retype } from './wording.ts'

interface Topic {
  value(draw: Draws): string
  told: readonly string[]
  acknowledged: string
  asked: readonly string[]
  answer: string
  neverTold: string
}

/** Two messages that belong together, with whatever `between` makes in the middle. */
export function remember(draw: Draws, between: () => Message[]): Message[] {
  const topic = draw.pick(WEIGHTED_TOPICS)
  const value = topic.value(draw)
  const filled = (text: string) => text.replaceAll('%v', value)
  return [
    ...exchange(plainly(draw, filled(draw.pick(topic.told))), filled(topic.acknowledged)),
    ...between(),
    ...exchange(retype(draw, draw.pick(topic.asked)), filled(topic.answer))
  ]
}

/** Told and asked in one message. */
export function rememberAtOnce(draw: Draws): Message[] {
  const topic = draw.pick(WEIGHTED_TOPICS)
  const value = topic.value(draw)
  const question = `${draw.pick(topic.told).replace(/[.!]?$/, '.')} ${draw.pick(topic.asked)}`
  return exchange(question.replaceAll('%v', value), topic.answer.replaceAll('%v', value))
}

export function neverTold(draw: Draws): Message[] {
  const topic = draw.pick(WEIGHTED_TOPICS)
  return exchange(retype(draw, draw.pick(topic.asked)), topic.neverTold)
}

/** A name keeps its capital; only the rest of a sentence is typed carelessly. */
function plainly(draw: Draws, text: string): string {
  let typed = text
  if (draw.chance(0.2)) typed = typed.charAt(0).toLowerCase() + typed.slice(1)
  if (draw.chance(0.3)) typed = typed.replace(/[.!]$/, '')
  return typed
}

const NAME: Topic = {
  value: anyName,
  told: [
    'My name is %v.',
    'My name is %v.',
    'I am %v.',
    'Hi, I am %v.',
    'Hello, my name is %v.',
    'Hello! My name is %v.',
    'Call me %v.',
    'You can call me %v.',
    'Hi, my name is %v!',
    'Hey, this is %v.',
    "I'm %v.",
    'People call me %v.'
  ],
  acknowledged: 'Nice to meet you, %v! What can I do for you?',
  asked: [
    'What is my name?',
    'What is my name?',
    'What was my name?',
    'Do you remember my name?',
    'Do you know my name?',
    'Who am I?',
    'Say my name.',
    'Tell me my name.',
    'Can you tell me my name?',
    'What am I called?'
  ],
  answer: 'Your name is %v.',
  neverTold: 'I do not know your name. Tell me, and I will remember it in this chat.'
}

const TOPICS: readonly Topic[] = [
  {
    value: anyName,
    told: ['I live in %v.', 'My home town is %v.', 'I am from %v.', 'I come from %v.'],
    acknowledged: 'I will remember that you live in %v.',
    asked: [
      'Where do I live?',
      'Where am I from?',
      'What is my home town?',
      'Which town do I live in?'
    ],
    answer: 'You live in %v.',
    neverTold: 'I do not know where you live. You have not told me.'
  },
  {
    value: anyName,
    told: [
      'My dog is called %v.',
      'I have a dog named %v.',
      'The name of my dog is %v.',
      "My dog's name is %v."
    ],
    acknowledged: 'I will remember that your dog is called %v.',
    asked: ['What is the name of my dog?', 'What is my dog called?', "What is my dog's name?"],
    answer: 'Your dog is called %v.',
    neverTold: 'I do not know the name of your dog. You have not told me.'
  },
  {
    value: anyWord,
    told: [
      'My favourite word is %v.',
      'Remember the word %v.',
      'The secret word is %v.',
      'The password is %v.'
    ],
    acknowledged: 'I will remember the word %v.',
    asked: [
      'What was the word?',
      'Which word did I tell you?',
      'What is the secret word?',
      'What is my favourite word?',
      'What is the password?'
    ],
    answer: 'The word is %v.',
    neverTold: 'I do not know the word. You have not told me.'
  },
  {
    value: (draw) => String(draw.integer(0, 9999)),
    told: [
      'Remember the number %v.',
      'The number is %v.',
      'My number is %v.',
      'The code is %v.',
      'My favourite number is %v.'
    ],
    acknowledged: 'I will remember the number %v.',
    asked: [
      'What was the number?',
      'Which number did I tell you?',
      'What is my number?',
      'What is the code?',
      'What is my favourite number?'
    ],
    answer: 'The number is %v.',
    neverTold: 'I do not know the number. You have not told me.'
  }
]

const WEIGHTED_TOPICS: readonly Topic[] = [NAME, NAME, NAME, NAME, ...TOPICS]
