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
  /** The control tokens by their text; found out when the first chat comes. */
  #controls: ReadonlyMap<string, Token> | null = null
  #pattern = /$^/g
  readonly #used = new Map<string, ControlToken>()

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
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
    this.#controls ??= this.#findControls()
    let at = 0
    for (const match of text.matchAll(this.#pattern)) {
      yield { plain: text.slice(at, match.index), control: this.#control(match[0]) }
      at = match.index + match[0].length
    }
    yield { plain: text.slice(at), control: null }
  }

  #findControls(): ReadonlyMap<string, Token> {
    const controls = new Map<string, Token>()
    for (let id = 0; id < this.#vocabulary.size; id++) {
      const token = id as Token
      if (!this.#vocabulary.isControl(token)) continue
      const text = this.#vocabulary.detokenize([token], { special: true })
      if (text !== '') controls.set(text, token)
    }
    const texts = [...controls.keys()].sort((a, b) => b.length - a.length)
    if (texts.length > 0) this.#pattern = new RegExp(texts.map(escaped).join('|'), 'g')
    return controls
  }

  #control(text: string): ControlToken {
    const known = this.#used.get(text)
    if (known !== undefined) return known
    const id = this.#controls!.get(text)!
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

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
