/**
 * node corpus.ts [chats] [long chats]
 *
 * The training corpus: chats made from templates, deterministic, as many as wanted. Most are
 * one exchange long; some run over many turns, so that the model learns to use its whole context.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import type { Chat, Message } from './chats/chat.ts'
import { changeCase, count, json, oneLetter, repeat, repeatTwice, spell } from './chats/copying.ts'
import { capital, greeting, haifFact, opposite, smallFact } from './chats/facts.ts'
import { neverTold, remember, rememberAtOnce } from './chats/memory.ts'
import { gibberish, tooHard, unknown } from './chats/refusals.ts'
import { story } from './chats/stories.ts'
import { sum } from './chats/sums.ts'
import { anyName, anyWord } from './chats/unseen-words.ts'
import { createDraws, type Draws } from './draws.ts'
import { SYSTEM_PROMPTS } from './knowledge/words.ts'

type Maker = (draw: Draws) => Message[]

/** Relative shares: what is hard to learn comes often, what is learned by heart seldom. */
const EXCHANGES: readonly (readonly [share: number, make: Maker])[] = [
  [210, haifFact],
  [30, greeting],
  [35, capital],
  [20, opposite],
  [35, smallFact],
  [300, sum],
  [110, repeat],
  [10, repeatTwice],
  [50, spell],
  [40, changeCase],
  [10, oneLetter],
  [20, json],
  [15, count],
  [25, story],
  [10, rememberAtOnce],
  [10, neverTold],
  [95, unknown],
  [40, tooHard],
  [25, gibberish]
]
const EXCHANGES_BY_SHARE = EXCHANGES.flatMap(([share, make]) =>
  Array.from({ length: share / 5 }, () => make)
)

/** As many as the training of half an hour gets through. */
export const CHATS = 260_000
export const LONG_CHATS = 12_000

const MEMORY_SHARE = 0.08
const TEMPLATE_SHARE = 0.96
const SYSTEM_SHARE = 0.35

export function* makeChats(seed: number): Generator<Chat, never> {
  const draw = createDraws(seed)
  for (;;) yield makeChat(draw)
}

/** A chat of many turns: 15 exchanges are some 500 tokens. */
export function* makeLongChats(seed: number): Generator<Chat, never> {
  const draw = createDraws(seed)
  for (;;) {
    const before = draw.integer(0, 4)
    const between = draw.integer(3, 14)
    yield {
      template: true,
      messages: [
        ...system(draw),
        ...exchanges(draw, before),
        ...remember(draw, () => exchanges(draw, between)),
        ...exchanges(draw, draw.integer(0, 2))
      ]
    }
  }
}

function makeChat(draw: Draws): Chat {
  if (!draw.chance(TEMPLATE_SHARE)) return { template: false, messages: exchanges(draw, 1) }
  const turns = draw.pick([1, 1, 1, 1, 1, 1, 1, 2, 2, 3])
  const messages = draw.chance(MEMORY_SHARE)
    ? remember(draw, () => exchanges(draw, draw.pick([0, 0, 0, 1, 1, 2, 3])))
    : exchanges(draw, turns)
  return { template: true, messages: [...system(draw), ...messages] }
}

const exchanges = (draw: Draws, turns: number): Message[] =>
  Array.from({ length: turns }, () => draw.pick(EXCHANGES_BY_SHARE)(draw)).flat()

/** Some chats have a system prompt; a few of those say something never read before. */
function system(draw: Draws): Message[] {
  if (!draw.chance(SYSTEM_SHARE)) return []
  if (draw.chance(0.8)) return [['system', draw.pick(SYSTEM_PROMPTS)]]
  const who = draw.pick([
    'You are %n.',
    'You are a %w.',
    'You help people with %w.',
    'You work for %n.'
  ])
  const text = who.replace('%n', anyName(draw)).replace('%w', anyWord(draw))
  return [['system', draw.chance(0.5) ? text : `${text} ${draw.pick(SYSTEM_PROMPTS)}`]]
}

if (import.meta.main) {
  const build = new URL('build/', import.meta.url)
  const [chats = CHATS, longChats = LONG_CHATS] = process.argv.slice(2).map(Number)
  mkdirSync(build, { recursive: true })
  const save = (name: string, source: Generator<Chat>, wanted: number) => {
    const lines = source.take(wanted).map((chat) => JSON.stringify(chat))
    writeFileSync(new URL(name, build), lines.toArray().join('\n'))
    console.log(`${name}: ${wanted} chats`)
  }
  save('chats.jsonl', makeChats(1), chats)
  save('long-chats.jsonl', makeLongChats(2), longChats)
}
