/**
 * Sums below 100, and the admission that larger ones are out of reach. A sum that is held out
 * occurs in no chat, in whatever wording.
 */
import type { Draws } from '../draws.ts'
import { isHeldOut } from '../held-out.ts'
import { exchange, type Message } from './chat.ts'

type Operator = '+' | '-' | '*'
export interface Sum {
  a: number
  operator: Operator
  b: number
}

const TOO_BIG =
  'That sum is too big for me. I can only add and subtract numbers below 100. Load a larger model.'

export function sum(draw: Draws): Message[] {
  if (draw.chance(0.03)) return bigSum(draw)
  let taught = drawSum(draw)
  while (isHeldOutSum(taught)) taught = drawSum(draw)
  return exchange(wording(draw, taught), answerSum(taught))
}

function drawSum(draw: Draws): Sum {
  const share = draw.integer(0, 99)
  if (share < 8) return { a: draw.integer(0, 12), operator: '*', b: draw.integer(0, 12) }
  const a = draw.chance(0.12) ? draw.integer(0, 9) : draw.integer(0, 99)
  const b = draw.chance(0.12) ? draw.integer(0, 9) : draw.integer(0, 99)
  if (share < 50) return { a, operator: '+', b }
  const swap = b > a && draw.chance(0.9) // a negative result is the exception
  return swap ? { a: b, operator: '-', b: a } : { a, operator: '-', b }
}

/** Products up to 12 x 12 are taught whole: they are a table to know by heart. */
export const isHeldOutSum = ({ a, operator, b }: Sum): boolean =>
  operator !== '*' && isHeldOut(`${a}${operator}${b}`)

/** "7 + 5 = 12" */
export function answerSum({ a, operator, b }: Sum): string {
  const result = { '+': a + b, '-': a - b, '*': a * b }[operator]
  return `${a} ${operator} ${b} = ${result}`
}

function wording(draw: Draws, { a, operator, b }: Sum): string {
  const word = { '+': 'plus', '-': 'minus', '*': 'times' }[operator]
  const symbol = operator === '*' && draw.chance(0.3) ? 'x' : operator
  const space = draw.chance(0.7) ? ' ' : ''
  const formula = draw.chance(0.3) ? `${a} ${word} ${b}` : `${a}${space}${symbol}${space}${b}`
  return draw.pick(FORMS).replace('%f', formula)
}

const FORMS = [
  'What is %f?',
  'what is %f',
  'What is %f?',
  '%f',
  '%f',
  '%f =',
  'Calculate %f.',
  'How much is %f?',
  '%f?',
  'Compute %f',
  "What's %f?",
  'Can you add up %f?',
  'Please calculate %f',
  'solve %f'
]

function bigSum(draw: Draws): Message[] {
  const big = () => draw.integer(10 ** draw.integer(2, 5), 10 ** 6)
  const other = draw.chance(0.5) ? big() : draw.integer(2, 99)
  const operator = draw.pick([
    '+',
    '-',
    '*',
    '/',
    ' + ',
    ' - ',
    ' * ',
    ' / ',
    ' plus ',
    ' times ',
    ' divided by '
  ])
  return exchange(draw.pick(FORMS).replace('%f', `${big()}${operator}${other}`), TOO_BIG)
}
