/**
 * Short stories of 40 to 80 tokens: long enough to watch an answer stream.
 */
import type { Draws } from '../draws.ts'
import { ADJECTIVES, ANIMALS, NAMES, PLACES, THINGS } from '../knowledge/words.ts'
import { exchange, withArticle, type Message } from './chat.ts'
import { anyName } from './unseen-words.ts'
import { retype } from './wording.ts'

export function story(draw: Draws): Message[] {
  const kind = draw.integer(0, 9)
  if (kind < 4)
    return exchange(
      retype(draw, draw.pick(ANY_STORY)),
      tell(draw, draw.pick(ANIMALS), draw.pick(NAMES))
    )
  const animal = draw.pick(ANIMALS)
  const hero = kind < 7 ? draw.pick(NAMES) : anyName(draw)
  const request = draw.pick(ABOUT_ANIMAL).replace('%a', withArticle(animal))
  if (kind < 7) return exchange(retype(draw, request), tell(draw, animal, hero))
  return exchange(`${request.replace(/\.$/, '')} named ${hero}.`, tell(draw, animal, hero))
}

const ANY_STORY = [
  'Tell me a story.',
  'Write a short story.',
  'story',
  'Tell me a short story.',
  'Write a story.',
  'Can you tell me a story?',
  'I want to hear a story.',
  'Make up a story.',
  'Tell me a tale.',
  'Another story'
]
const ABOUT_ANIMAL = [
  'Tell me a story about %a.',
  'Write a story about %a.',
  'Tell me a short story about %a.',
  'story about %a',
  'Write a short story about %a.',
  'Make up a story about %a.'
]

function tell(draw: Draws, animal: string, hero: string): string {
  const place = draw.pick(PLACES)
  const friendAnimal = draw.pick(ANIMALS.filter((other) => other !== animal))
  const friend = draw.pick(NAMES.filter((other) => other !== hero))
  const owner = draw.pick([
    `${draw.pick(['It belonged to', 'It was lost by'])} ${withArticle(friendAnimal)} named ${friend}.`,
    `${withArticle(friendAnimal).replace('a', 'A')} named ${friend} had lost it.`
  ])
  const ending = draw.pick([
    `They met at the ${place} and became good friends.`,
    `${friend} was very happy, and they became good friends.`,
    `${friend} said thank you, and they played until the sun went down.`
  ])
  return [
    `Once upon a time there was ${withArticle(draw.pick(ADJECTIVES))} ${animal} named ${hero}.`,
    `${hero} lived near ${withArticle(place)}. One day ${hero} found ${draw.pick(THINGS)}.`,
    owner,
    ending
  ].join(' ')
}
