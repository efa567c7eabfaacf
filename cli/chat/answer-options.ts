/** `/set NAME VALUE` of a chat: how the model answers from the next question on. */
import { InvalidArgumentError } from 'commander'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import { decimalNumber, wholeNumber } from '../commands/options/options.ts'
import { SEED_MAX, type RequestOptions } from '../ask/request-options.ts'
import { SETTABLE, type Settable } from './chat-commands.ts'

type Answering = Pick<RequestOptions, 'temperature' | 'topP' | 'maxTokens' | 'seed' | 'stop'>

const READERS: Record<Exclude<Settable, 'system'>, (text: string) => Partial<Answering>> = {
  temperature: (text) => ({ temperature: decimalNumber(0, 2)(text) }),
  'top-p': (text) => ({ topP: decimalNumber(0, 1)(text) }),
  'max-tokens': (text) => ({ maxTokens: wholeNumber(1, MAX_TOKENS_MAX)(text) }),
  seed: (text) => ({ seed: wholeNumber(0, SEED_MAX)(text) }),
  stop: (text) => ({ stop: [text] })
}

/** What is changed, or a sentence that says what is wrong. */
export function readAnswerOption(name: string, value: string): Partial<Answering> | string {
  const read = Object.hasOwn(READERS, name) ? READERS[name as keyof typeof READERS] : undefined
  if (read === undefined || value === '') return `/set takes ${SETTABLE.join(', ')}, and a value`
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    return `${name} ${value} cannot be used. ${error.message}`
  }
}

export function describeAnswerOptions(options: Answering): string {
  const { temperature, topP, maxTokens, seed, stop } = options
  const given = { temperature, 'top-p': topP, 'max-tokens': maxTokens, seed, stop: stop?.join(' ') }
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
