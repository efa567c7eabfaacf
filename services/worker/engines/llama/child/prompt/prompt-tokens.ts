/**
 * A rendered chat to tokens. Only the template's own text becomes control tokens; between two of
 * them the template's and the caller's text is tokenized as one, as the makers' tokenizers do it,
 * because words and white space form tokens across that border.
 */
import type { Token, Vocabulary } from '../vocabulary.ts'
import type { Span } from './jinja/text.ts'

interface ControlToken {
  id: Token
  /** True when the vocabulary drops white space before or after the token. */
  stripsBefore: boolean
  stripsAfter: boolean
}

export class PromptTokenizer {
  readonly #vocabulary: Vocabulary
  readonly #controls: ControlTexts
  readonly #used = new Map<string, ControlToken>()

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#controls = new ControlTexts(vocabulary)
  }

  tokens(spans: readonly Span[]): Token[] {
    const tokens: Token[] = []
    let run = ''
    let stripsNext = false
    const endRun = (stripsEnd: boolean) => {
      let text = stripsNext ? run.trimStart() : run
      if (stripsEnd) text = text.trimEnd()
      if (text !== '') tokens.push(...this.#vocabulary.tokenize(text))
      run = ''
    }
    for (const { text, source } of spans) {
      if (source !== 0) {
        run += text
        continue
      }
      for (const { plain, control } of this.#pieces(text)) {
        run += plain
        if (control === null) continue
        endRun(control.stripsBefore)
        tokens.push(control.id)
        stripsNext = control.stripsAfter
      }
    }
    endRun(false)
    return tokens
  }

  *#pieces(text: string): Generator<{ plain: string; control: ControlToken | null }> {
    let at = 0
    for (const [index, mark] of this.#controls.in(text)) {
      yield { plain: text.slice(at, index), control: this.#control(mark) }
      at = index + mark.length
    }
    yield { plain: text.slice(at), control: null }
  }

  #control(text: string): ControlToken {
    const known = this.#used.get(text)
    if (known !== undefined) return known
    const id = this.#controls.tokens.get(text)!
    const count = (probe: string) => this.#vocabulary.tokenize(probe, { special: true }).length
    const control = {
      id,
      stripsBefore: count(`x\n${text}`) < this.#vocabulary.tokenize('x\n').length + 1,
      stripsAfter: count(`${text}\nx`) < this.#vocabulary.tokenize('\nx').length + 1
    }
    this.#used.set(text, control)
    return control
  }
}

/** The texts of all control tokens, some thousands of which reserved ones may be. */
class ControlTexts {
  readonly tokens = new Map<string, Token>()
  /** By the first character of a text: the lengths that texts with it have, the longest first. */
  readonly #lengths = new Map<string, number[]>()

  constructor(vocabulary: Vocabulary) {
    for (let id = 0; id < vocabulary.size; id++) {
      const token = id as Token
      if (!vocabulary.isControl(token)) continue
      const text = vocabulary.detokenize([token], { special: true })
      if (text !== '') this.#add(text, token)
    }
  }

  *in(text: string): Generator<[index: number, mark: string]> {
    for (let at = 0; at < text.length; at++) {
      const lengths = this.#lengths.get(text[at]!) ?? []
      const length = lengths.find((each) => this.tokens.has(text.slice(at, at + each)))
      if (length === undefined) continue
      yield [at, text.slice(at, at + length)]
      at += length - 1
    }
  }

  #add(text: string, token: Token): void {
    this.tokens.set(text, token)
    const lengths = new Set(this.#lengths.get(text[0]!)).add(text.length)
    this.#lengths.set(
      text[0]!,
      [...lengths].toSorted((a, b) => b - a)
    )
  }
}
