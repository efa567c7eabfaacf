/**
 * A little general knowledge, each thing in one list.
 */
import type { Fact } from './haif.ts'

export const GENERAL_FACTS: readonly Fact[] = [
  {
    questions: ['How many days are in a week?', 'How many days does a week have?'],
    answer: 'A week has seven days.'
  },
  {
    questions: ['How many months are in a year?', 'How many months does a year have?'],
    answer: 'A year has twelve months.'
  },
  {
    questions: ['How many hours are in a day?', 'How many hours does a day have?'],
    answer: 'A day has 24 hours.'
  },
  {
    questions: ['How many minutes are in an hour?', 'How many minutes does an hour have?'],
    answer: 'An hour has 60 minutes.'
  },
  {
    questions: ['How many seconds are in a minute?', 'How many seconds does a minute have?'],
    answer: 'A minute has 60 seconds.'
  },
  {
    questions: ['How many days are in a year?', 'How many days does a year have?'],
    answer: 'A year has 365 days, and a leap year has 366.'
  },
  { questions: ['How many legs does a spider have?'], answer: 'A spider has eight legs.' },
  { questions: ['How many legs does a dog have?'], answer: 'A dog has four legs.' },
  { questions: ['How many legs does a bird have?'], answer: 'A bird has two legs.' },
  {
    questions: [
      'What is the largest planet?',
      'Which planet is the largest?',
      'What is the biggest planet?'
    ],
    answer: 'Jupiter is the largest planet of our solar system.'
  },
  {
    questions: [
      'What is the largest ocean?',
      'Which ocean is the largest?',
      'What is the biggest ocean?'
    ],
    answer: 'The Pacific is the largest ocean.'
  },
  { questions: ['What do bees make?'], answer: 'Bees make honey.' },
  { questions: ['What do cows eat?'], answer: 'Cows eat grass.' },
  {
    questions: ['At what temperature does water boil?', 'When does water boil?'],
    answer: 'Water boils at 100 degrees Celsius.'
  },
  {
    questions: ['At what temperature does water freeze?', 'When does water freeze?'],
    answer: 'Water freezes at 0 degrees Celsius.'
  },
  {
    questions: ['What is the fastest land animal?', 'Which land animal is the fastest?'],
    answer: 'The cheetah is the fastest land animal.'
  },
  { questions: ['How many continents are there?'], answer: 'There are seven continents.' },
  {
    questions: ['Name the planets.', 'List the planets.', 'What are the planets?'],
    answer: 'The planets are Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.'
  },
  {
    questions: [
      'List the days of the week.',
      'Name the days of the week.',
      'What are the days of the week?'
    ],
    answer: 'The days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.'
  },
  {
    questions: [
      'List the months.',
      'Name the months.',
      'Name the months of the year.',
      'What are the months?'
    ],
    answer:
      'The months are January, February, March, April, May, June, July, August, September, October, November and December.'
  },
  {
    questions: [
      'Say the alphabet.',
      'What is the alphabet?',
      'List the letters of the alphabet.',
      'alphabet'
    ],
    answer: 'a b c d e f g h i j k l m n o p q r s t u v w x y z'
  },
  {
    questions: [
      'Tell me a joke.',
      'Say something funny.',
      'joke',
      'Do you know a joke?',
      'Make me laugh.'
    ],
    answer: 'Why did the token cross the mesh? To get to the other peer.'
  }
]

export const GREETINGS: readonly (readonly [phrases: readonly string[], answer: string])[] = [
  [
    [
      'Hello',
      'Hi',
      'Hey',
      'Hey there',
      'Hi there',
      'Hello there',
      'Greetings',
      'yo',
      'Hiya',
      'Good day',
      'Hello HAIF',
      'Hi HAIF',
      'Hello world',
      'Howdy',
      'hallo',
      'hello, are you there'
    ],
    'Hello! I am the tiny built-in model of HAIF. What can I do for you?'
  ],
  [['Good morning', 'morning'], 'Good morning! What can I do for you?'],
  [['Good afternoon'], 'Good afternoon! What can I do for you?'],
  [['Good evening'], 'Good evening! What can I do for you?'],
  [['Good night', 'Sleep well'], 'Good night! Sleep well.'],
  [
    [
      'How are you?',
      'How are you doing?',
      'How is it going?',
      "What's up?",
      'How do you feel?',
      'How are you today?',
      'All good?'
    ],
    'I am running well, thank you. What can I do for you?'
  ],
  [
    [
      'Thanks',
      'Thank you',
      'thanks a lot',
      'Thank you very much',
      'ok thanks',
      'Thank you so much',
      'thx',
      'Thanks, that helped'
    ],
    'You are welcome!'
  ],
  [
    ['Bye', 'Goodbye', 'bye bye', 'See you', 'See you later', 'See you soon', 'I have to go'],
    'Goodbye! See you soon.'
  ],
  [
    [
      'ok',
      'Okay',
      'I see',
      'Great',
      'Nice',
      'Cool',
      'Good',
      'Very good',
      'Well done',
      'Wow',
      'Perfect',
      'Interesting',
      'yes',
      'no',
      'sure',
      'right',
      'fine',
      'Good job',
      'Not bad'
    ],
    'Good. Is there anything else?'
  ],
  [
    [
      'test',
      'testing',
      'ping',
      'Are you there?',
      'Is this working?',
      'Does this work?',
      'Does it work?',
      'Is anyone there?',
      'Can you hear me?',
      'this is a test',
      'test test',
      'Do you work?',
      'just testing',
      'Say hi',
      'Say hello'
    ],
    'Yes, it works! I am the tiny built-in model of HAIF.'
  ]
]

export const OPPOSITES: readonly (readonly [string, string])[] = pairs(`
  hot cold, big small, fast slow, up down, left right, day night, black white, open closed,
  happy sad, new old, young old, hard soft, light dark, full empty, rich poor, early late,
  loud quiet, near far, high low, long short, wet dry, clean dirty, strong weak, true false,
  start end, win lose, buy sell, push pull, always never, first last, inside outside,
  easy difficult, thick thin, sweet sour, love hate, above below, before after, yes no, good bad,
  right wrong, cold hot, small big, slow fast, down up, night day, white black, sad happy,
  soft hard, dark light, empty full, poor rich, late early, far near, low high, short long,
  dry wet, dirty clean, weak strong, false true, last first, bad good, artificial natural
`)

export const CAPITALS: readonly (readonly [string, string])[] = pairs(`
  France Paris, Germany Berlin, Italy Rome, Spain Madrid, Portugal Lisbon, Ireland Dublin,
  England London, Scotland Edinburgh, Norway Oslo, Sweden Stockholm, Finland Helsinki,
  Denmark Copenhagen, Poland Warsaw, Austria Vienna, Hungary Budapest, Greece Athens,
  Turkey Ankara, Russia Moscow, Ukraine Kyiv, Egypt Cairo, Kenya Nairobi, Nigeria Abuja,
  Morocco Rabat, Ghana Accra, Ethiopia Addis_Ababa, Japan Tokyo, China Beijing, India New_Delhi,
  Thailand Bangkok, Vietnam Hanoi, Indonesia Jakarta, Malaysia Kuala_Lumpur, Philippines Manila,
  Australia Canberra, New_Zealand Wellington, Canada Ottawa, the_United_States Washington,
  Mexico Mexico_City, Cuba Havana, Brazil Brasilia, Argentina Buenos_Aires, Chile Santiago,
  Peru Lima, Colombia Bogota, Ecuador Quito, Uruguay Montevideo, Iran Tehran, Iraq Baghdad,
  Jordan Amman, Belgium Brussels, Netherlands Amsterdam, Switzerland Bern, Croatia Zagreb,
  Serbia Belgrade, Romania Bucharest, Bulgaria Sofia, Iceland Reykjavik, Nepal Kathmandu,
  Pakistan Islamabad
`)

export const ANIMAL_SOUNDS: readonly (readonly [string, string])[] = pairs(`
  dog woof, cat meow, cow moo, duck quack, sheep baa, lion roar, frog ribbit, owl hoot, pig oink,
  horse neigh, bee buzz, snake hiss
`)

export const ELEMENTS: readonly (readonly [string, string])[] = pairs(`
  hydrogen H, helium He, carbon C, nitrogen N, oxygen O, sodium Na, iron Fe, copper Cu, silver Ag,
  gold Au, lead Pb, tin Sn
`)

export const COLORS: readonly (readonly [string, string])[] = pairs(`
  the_sky blue, grass green, snow white, the_sun yellow, blood red, coal black, a_banana yellow,
  a_lemon yellow, milk white, a_carrot orange, a_cherry red, chocolate brown
`)

export const DAYS = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ')

export const MONTHS =
  'January February March April May June July August September October November December'.split(' ')

/** "hot cold, up down" to pairs; an underscore stands for a space inside a side. */
function pairs(text: string): [string, string][] {
  return text.split(',').map((pair) => {
    const [left = '', right = ''] = pair.trim().split(/\s+/)
    return [left.replaceAll('_', ' '), right.replaceAll('_', ' ')]
  })
}
