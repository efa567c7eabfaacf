/** The rules of one grammar in llama.cpp's notation, each under a name of its own. */
import type { Marks } from './marks.ts'
import type { Rules } from './output-format.ts'

export class GrammarRules implements Rules {
  readonly #marks: Marks
  readonly #lines: string[] = []
  readonly #prefixes = new Map<string, string>() // by the rules' text
  #count = 0

  constructor(marks: Marks) {
    this.#marks = marks
  }

  literal(text: string): string {
    return this.#marks.literal(text)
  }

  add(name: string, expression: string): string {
    const unique = `${name}-${this.#count++}`
    this.#lines.push(`${unique} ::= ${expression}`)
    return unique
  }

  /** One grammar is written once, however often it is used. */
  addGrammar(name: string, grammar: string): string {
    return this.addRules(name, grammar)('root')
  }

  addRules(name: string, lines: string): (rule: string) => string {
    const prefix = this.#prefixes.get(lines) ?? `${name}-${this.#count++}-`
    if (!this.#prefixes.has(lines)) this.#lines.push(prefixed(lines, prefix))
    this.#prefixes.set(lines, prefix)
    return (rule) => prefix + rule
  }

  /** The whole grammar. */
  withRoot(expression: string): string {
    return [`root ::= ${expression}`, ...this.#lines].join('\n')
  }
}

/** Rules of several grammars in one need names of their own; texts and character classes stay. */
function prefixed(grammar: string, prefix: string): string {
  const words = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{[^}]*\}|[a-zA-Z][a-zA-Z0-9-]*/g
  return grammar.replace(words, (word) => (/^[a-zA-Z]/.test(word) ? prefix + word : word))
}
