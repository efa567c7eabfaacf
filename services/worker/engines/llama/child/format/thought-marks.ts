/**
 * The marks of thoughts, found in a template by their names. Rendering a thought would not do:
 * most templates leave past thoughts out, and many never write the mark that begins one.
 */
import type { ThoughtMarks } from './output-format.ts'

export const USUAL_MARKS: ThoughtMarks = { begin: '<think>', end: '</think>' }

/** The end mark shows a pair, because a template needs it to cut past thoughts away. */
export const PAIRS: readonly ThoughtMarks[] = [
  USUAL_MARKS,
  { begin: '[THINK]', end: '[/THINK]' },
  { begin: '<|START_THINKING|>', end: '<|END_THINKING|>' },
  { begin: '<|channel>thought', end: '<channel|>' },
  { begin: '<|think|>', end: '<|end|>', after: '<|begin|>assistant' },
  { begin: '<|inner_prefix|>', end: '<|inner_suffix|>' },
  { begin: '<seed:think>', end: '</seed:think>' },
  { begin: '<mm:think>', end: '</mm:think>' },
  { begin: '<think:opensource>', end: '</think:opensource>' },
  { begin: '<|open|>think<|sep|>', end: '<|close|>think<|sep|>' },
  { begin: '<thinking>', end: '</thinking>' },
  { begin: '<thought>', end: '</thought>' },
  { begin: 'Here are my reasoning steps:', end: '[BEGIN FINAL RESPONSE]' }
]

/** Marks around the answer itself, in families that have them. The first begins it. */
export const ANSWERS: readonly (readonly [begin: string, ...others: string[]])[] = [
  ['<|START_RESPONSE|>', '<|END_RESPONSE|>'],
  ['<|START_TEXT|>', '<|END_TEXT|>'],
  ['<|content|>', '<|begin|>assistant', '<|end|>'],
  ['<|open|>response<|sep|>', '<|close|>response<|sep|>', '<|close|>message<|sep|>'],
  ['<response>', '</response>']
]

export function thoughtMarks(template: string): ThoughtMarks[] {
  const first = PAIRS.find(({ begin, end, after = '' }) => {
    return template.includes(end) && (after === '' || template.includes(begin))
  })
  return first === undefined ? [] : [first]
}

export function answerMarks(template: string): readonly string[] {
  const marks = ANSWERS.find((all) => all.every((mark) => template.includes(mark))) ?? []
  return template.includes('[END FINAL RESPONSE]') ? [...marks, '[END FINAL RESPONSE]'] : marks
}
