/** The language of the texts in which a pattern is found. */
import { ALL_CODE_POINTS } from './code-points.ts'
import { readPattern, UnsupportedPattern, type PatternNode } from './read-pattern.ts'
import type { Term, Terms } from './regular.ts'

/** A pattern is searched for, as JSON Schema has it: only anchors bind it to the ends of a text. */
export function searchTerm(terms: Terms, source: string): Term {
  const node = readPattern(source)
  const before = terms.loop(terms.class(ALL_CODE_POINTS), 1, Infinity)
  return terms.or(
    termOf(terms, node, terms.everything, true),
    terms.chain(before, termOf(terms, node, terms.everything, false))
  )
}

/** A pattern that is the whole text. */
export function wholeTerm(terms: Terms, source: string): Term {
  return termOf(terms, readPattern(source), terms.empty, true)
}

/**
 * `rest` is all that follows the node up to the end of the text, so that a lookahead is an
 * intersection with it, and the end of the text is where it may be empty.
 */
function termOf(terms: Terms, node: PatternNode, rest: Term, atStart: boolean): Term {
  switch (node.kind) {
    case 'set':
      return terms.chain(terms.class(node.set), rest)
    case 'sequence':
      return sequenceTerm(terms, node.parts, rest, atStart)
    case 'choice':
      return terms.or(...node.parts.map((part) => termOf(terms, part, rest, atStart)))
    case 'repeat':
      return repeatTerm(terms, node, rest, atStart)
    case 'start':
      return atStart ? rest : terms.none
    case 'end':
      return rest.nullable ? terms.empty : terms.none
    case 'ahead': {
      const found = termOf(terms, node.part, terms.everything, atStart)
      return terms.and(node.negative ? terms.not(found) : found, rest)
    }
  }
}

function sequenceTerm(
  terms: Terms,
  parts: readonly PatternNode[],
  rest: Term,
  atStart: boolean
): Term {
  const [first, ...others] = parts
  if (first === undefined) return rest
  const after = sequenceTerm(terms, others, rest, atStart && isAssertion(first))
  return termOf(terms, first, after, atStart)
}

function repeatTerm(
  terms: Terms,
  { part, min, max }: PatternNode & { kind: 'repeat' },
  rest: Term,
  atStart: boolean
): Term {
  if (!asserts(part)) {
    return terms.chain(terms.loop(termOf(terms, part, terms.empty, false), min, max), rest)
  }
  if (min === 0 && max === 1) return terms.or(termOf(terms, part, rest, atStart), rest)
  throw new UnsupportedPattern('it repeats an assertion')
}

function isAssertion(node: PatternNode): boolean {
  if (node.kind === 'sequence' || node.kind === 'choice') return node.parts.every(isAssertion)
  return node.kind === 'start' || node.kind === 'end' || node.kind === 'ahead'
}

/** True when a node looks at what is outside of it. */
function asserts(node: PatternNode): boolean {
  if (node.kind === 'sequence' || node.kind === 'choice') return node.parts.some(asserts)
  if (node.kind === 'repeat') return asserts(node.part)
  return node.kind !== 'set'
}
