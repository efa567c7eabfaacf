/**
 * Formulas of TeX as MathML, which browsers draw themselves: no fonts, styles or scripts beside it.
 * It knows what models write. KaTeX knows all of TeX in 280 kB of script; here a formula with a
 * command that is not known stays as it was written, which people can read, too.
 */
import { escapeHtml } from '../safe-html.ts'
import {
  ACCENTS,
  FUNCTIONS,
  inAlphabet,
  INTEGRAL_SIGNS,
  isAlphabet,
  LARGE_SIGNS,
  LETTERS,
  LIMITS,
  SIGNS,
  SPACES,
  UNDERS
} from './symbols.ts'

/** Longer ones are no formulas, and deeper ones no work of a person. */
const CHARACTERS_MAX = 4000
const DEPTH_MAX = 60

/** Null: it has something that is not known here. */
export function mathOf(tex: string, isDisplay: boolean): string | null {
  if (tex.length > CHARACTERS_MAX) return null
  try {
    const parser = new Parser(tex)
    const display = isDisplay ? ' display="block"' : ''
    return `<math${display}>${parser.whole()}</math>`
  } catch (error) {
    if (error instanceof Unknown) return null
    throw error
  }
}

class Unknown extends Error {}

/** A command, a number, or one character; spaces mean nothing in formulas. */
const TOKEN = /\s+|%[^\n]*|\\([A-Za-z]+\*?|[^])|(\d+(?:[.,]\d+)*)|([^])/gu

interface Atom {
  html: string
  /** Where scripts go: beside it, or above and below. */
  limits?: boolean
}

const FENCES: Readonly<Record<string, readonly [string, string]>> = {
  pmatrix: ['(', ')'],
  bmatrix: ['[', ']'],
  Bmatrix: ['{', '}'],
  vmatrix: ['|', '|'],
  Vmatrix: ['‖', '‖'],
  cases: ['{', ''],
  rcases: ['', '}']
}
const TABLES =
  /^(?:[pbBvV]?matrix|smallmatrix|r?cases|array|(?:align|aligned|alignat|gather|gathered|split|equation|multline|eqnarray)\*?)$/
/** In these, columns of a pair stand against each other. */
const ALIGNED = /^(?:align|aligned|split|eqnarray)/
const TEXTS = /^(?:text|textrm|textbf|textit|textsf|texttt|mbox|mathrm|operatorname\*?|mathit)$/
const SIZES =
  /^(?:[bB]ig{1,2}[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|nonumber|notag|hline)$/

class Parser {
  readonly #tokens: string[]
  /** The text itself, for what is taken as it is written. */
  #at = 0
  #depth = 0

  constructor(tex: string) {
    this.#tokens = [...tex.matchAll(TOKEN)].flatMap(([raw]) => (raw.startsWith('%') ? [] : [raw]))
  }

  whole(): string {
    const html = this.#table([], '')
    if (this.#peek() !== undefined) throw new Unknown()
    return html
  }

  #peek(): string | undefined {
    while (this.#tokens[this.#at]?.trim() === '') this.#at++
    return this.#tokens[this.#at]
  }

  #next(): string {
    const token = this.#peek()
    if (token === undefined) throw new Unknown()
    this.#at++
    return token
  }

  #take(token: string): boolean {
    if (this.#peek() !== token) return false
    this.#at++
    return true
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw new Unknown()
  }

  /** Atoms up to one of these tokens, which stays, or to the end. */
  #row(ends: readonly string[]): string {
    if (++this.#depth > DEPTH_MAX) throw new Unknown()
    const parts: string[] = []
    for (let token = this.#peek(); token !== undefined && !ends.includes(token);) {
      parts.push(this.#scripted())
      token = this.#peek()
    }
    this.#depth--
    return parts.length === 1 ? parts[0]! : `<mrow>${parts.join('')}</mrow>`
  }

  #scripted(): string {
    const { html, limits = false } = this.#isScript() ? { html: '<mrow></mrow>' } : this.#atom()
    let sub: string | null = null
    let sup: string | null = null
    let primes = ''
    let isOver = limits
    for (;;) {
      if (this.#take("'")) primes += '′'
      else if (this.#take('\\limits')) isOver = true
      else if (this.#take('\\nolimits')) isOver = false
      else if (sub === null && this.#take('_')) sub = this.#argument()
      else if (sup === null && this.#take('^')) sup = this.#argument()
      else break
    }
    if (primes !== '') {
      const mark = `<mo>${primes}</mo>`
      sup = sup === null ? mark : `<mrow>${mark}${sup}</mrow>`
    }
    return withScripts(html, sub, sup, isOver)
  }

  #isScript = (): boolean => ['^', '_', "'"].includes(this.#peek() ?? '')

  #argument(): string {
    if (this.#take('{')) {
      const html = this.#row(['}'])
      this.#expect('}')
      return html
    }
    // Of `12` only the first digit is the argument, as in `\frac12`.
    const token = this.#peek() ?? ''
    if (/^\d./.test(token)) this.#tokens.splice(this.#at, 1, token[0]!, token.slice(1))
    return this.#atom().html
  }

  #atom(): Atom {
    const token = this.#next()
    if (token === '{') {
      const html = this.#row(['}'])
      this.#expect('}')
      return { html }
    }
    if (token.startsWith('\\')) return this.#command(token.slice(1))
    if (/^\d/.test(token)) return { html: `<mn>${token}</mn>` }
    if (/^\p{L}$/u.test(token)) return { html: `<mi>${token}</mi>` }
    if (['}', '&', '#', '$'].includes(token)) throw new Unknown()
    if (token === '~') return { html: space(0.33) }
    return { html: sign(token === '-' ? '−' : token === '*' ? '∗' : token) }
  }

  #command(name: string): Atom {
    const simple = simpleCommand(name)
    if (simple !== null) return simple
    if (TEXTS.test(name)) return this.#text(name)
    if (isAlphabet(name)) return { html: this.#lettersIn(name) }
    const accent = ACCENTS.get(name)
    if (accent !== undefined) return this.#accented('mover', accent, name === 'overbrace')
    const under = UNDERS.get(name)
    if (under !== undefined) return this.#accented('munder', under, name === 'underbrace')
    switch (name) {
      case 'frac':
      case 'dfrac':
      case 'tfrac':
      case 'cfrac':
        return { html: `<mfrac>${this.#argument()}${this.#argument()}</mfrac>` }
      case 'binom':
      case 'tbinom':
      case 'dbinom': {
        const parts = this.#argument() + this.#argument()
        return { html: fenced('(', `<mfrac linethickness="0">${parts}</mfrac>`, ')') }
      }
      case 'sqrt':
        return { html: this.#root() }
      case 'left':
        return { html: this.#leftRight() }
      case 'middle':
        return { html: sign(this.#delimiter()) }
      case 'begin':
        return { html: this.#environment() }
      case 'not':
        return { html: this.#atom().html.replace(/<\/m[io]>$/, '\u0338$&') }
      case 'boxed':
        return { html: `<mrow class="boxed">${this.#argument()}</mrow>` }
      case 'overset':
      case 'stackrel': {
        const over = this.#argument()
        return { html: `<mover>${this.#argument()}${over}</mover>` }
      }
      case 'underset': {
        const below = this.#argument()
        return { html: `<munder>${this.#argument()}${below}</munder>` }
      }
      case 'pmod':
        return {
          html: `${space(0.5)}${fenced('(', `<mi>mod</mi>${space(0.3)}${this.#argument()}`, ')')}`
        }
      case 'bmod':
      case 'mod':
        return { html: '<mo>mod</mo>' }
      case 'tag':
        return { html: `${space(2)}<mtext>(${escapeHtml(this.#raw())})</mtext>` }
      case 'label':
      case 'color':
        this.#raw()
        return { html: '' }
      default:
        throw new Unknown()
    }
  }

  /** What stands in braces, as it is written. */
  #raw(): string {
    this.#expect('{')
    let text = ''
    for (let depth = 1; ;) {
      const token = this.#tokens[this.#at++]
      if (token === undefined) throw new Unknown()
      depth += token === '{' ? 1 : token === '}' ? -1 : 0
      if (depth === 0) return text
      text += token
    }
  }

  #text(name: string): Atom {
    const text = this.#raw().replaceAll(/\\([ %&$#_{}])/g, '$1')
    if (text.includes('\\')) throw new Unknown()
    const isName = /^(?:mathrm|operatorname|mathit)/.test(name)
    const tag = isName ? 'mi' : 'mtext'
    // Spaces at the ends of a text would be cut off.
    const kept = text.replaceAll(/^ | $/g, '\u00A0')
    const html = `<${tag}${isName ? ' mathvariant="normal"' : ''}>${escapeHtml(kept)}</${tag}>`
    return { html, limits: name === 'operatorname*' }
  }

  #lettersIn(name: string): string {
    const isBraced = this.#peek() === '{'
    const letters = isBraced ? this.#raw() : this.#next()
    if (/[\\^_{]/.test(letters)) {
      // Of a formula in bold the letters that Unicode has no bold ones of stay as they are.
      const inner = new Parser(letters)
      return inner.whole()
    }
    const html = letters.replaceAll(/[A-Za-z0-9]/g, (letter) => inAlphabet(name, letter))
    return `<mi>${escapeHtml(html)}</mi>`
  }

  #accented(tag: 'mover' | 'munder', mark: string, limits: boolean): Atom {
    const accent = tag === 'mover' ? ' accent="true"' : ''
    const html = `<${tag}${accent}>${this.#argument()}<mo stretchy="true">${mark}</mo></${tag}>`
    return { html, limits }
  }

  #root(): string {
    if (!this.#take('[')) return `<msqrt>${this.#argument()}</msqrt>`
    const index = this.#row([']'])
    this.#expect(']')
    return `<mroot>${this.#argument()}${index}</mroot>`
  }

  #leftRight(): string {
    const open = this.#delimiter()
    const inner = this.#row(['\\right'])
    this.#expect('\\right')
    return fenced(open, inner, this.#delimiter())
  }

  #delimiter(): string {
    const token = this.#next()
    if (token === '.') return ''
    if (!token.startsWith('\\')) return token
    const name = token.slice(1)
    if (name === '{' || name === '}') return name
    if (name === '|') return '‖'
    const known = SIGNS.get(name)
    if (known === undefined) throw new Unknown()
    return known
  }

  #environment(): string {
    const name = this.#raw().trim()
    if (!TABLES.test(name)) throw new Unknown()
    if (name === 'array' || name.startsWith('alignat')) this.#raw()
    const inner = this.#table(['\\end'], name)
    this.#expect('\\end')
    if (this.#raw().trim() !== name) throw new Unknown()
    const [open, close] = FENCES[name] ?? ['', '']
    return open === '' && close === '' ? inner : fenced(open, inner, close)
  }

  /** Cells and lines; a single one is no table. */
  #table(ends: readonly string[], name: string): string {
    const lines: string[][] = [[]]
    for (;;) {
      lines.at(-1)!.push(this.#row([...ends, '&', '\\\\']))
      if (this.#take('&')) continue
      if (!this.#take('\\\\')) break
      if (this.#peek() === '[') this.#row([']']) // the height of the line
      this.#take(']')
      lines.push([])
    }
    const last = lines.at(-1)!
    if (lines.length > 1 && last.length === 1 && last[0] === '<mrow></mrow>') lines.pop()
    if (lines.length === 1 && lines[0]!.length === 1) return lines[0]![0]!
    const kind =
      ALIGNED.test(name) || name === '' ? 'aligned' : /cases/.test(name) ? 'cases' : 'grid'
    const rows = lines.map(
      (cells) => `<mtr>${cells.map((cell) => `<mtd>${cell}</mtd>`).join('')}</mtr>`
    )
    return `<mtable class="${kind}"${kind === 'aligned' ? ' displaystyle="true"' : ''}>${rows.join('')}</mtable>`
  }
}

function simpleCommand(name: string): Atom | null {
  const letter = LETTERS.get(name)
  if (letter !== undefined) return { html: `<mi>${letter}</mi>` }
  const known = SIGNS.get(name)
  if (known !== undefined) return { html: sign(known) }
  const large = LARGE_SIGNS.get(name)
  if (large !== undefined) return { html: `<mo largeop="true">${large}</mo>`, limits: true }
  const integral = INTEGRAL_SIGNS.get(name)
  if (integral !== undefined) return { html: `<mo largeop="true">${integral}</mo>` }
  if (FUNCTIONS.has(name)) return { html: `<mi>${name}</mi>${APPLIED}` }
  if (LIMITS.has(name)) return { html: `<mi>${name}</mi>`, limits: true }
  const width = SPACES.get(name)
  if (width !== undefined) return { html: space(width) }
  if (SIZES.test(name)) return { html: '' }
  if (name === '|') return { html: sign('‖') }
  return /^[%#&_{}$]$/.test(name) ? { html: sign(name) } : null
}

/** Leaves the space of a function before its argument. */
const APPLIED = '<mspace width="0.17em"></mspace>'

function withScripts(
  html: string,
  sub: string | null,
  sup: string | null,
  isOver: boolean
): string {
  if (sub !== null && sup !== null) {
    const tag = isOver ? 'munderover' : 'msubsup'
    return `<${tag}>${single(html)}${sub}${sup}</${tag}>`
  }
  if (sub !== null) return tagged(isOver ? 'munder' : 'msub', single(html) + sub)
  if (sup !== null) return tagged(isOver ? 'mover' : 'msup', single(html) + sup)
  return html
}

const tagged = (tag: string, html: string): string => `<${tag}>${html}</${tag}>`

/** The base of a script is one element. */
const single = (html: string): string => (html.endsWith(APPLIED) ? `<mrow>${html}</mrow>` : html)

const fenced = (open: string, html: string, close: string): string =>
  `<mrow>${open === '' ? '' : sign(open, true)}${html}${close === '' ? '' : sign(close, true)}</mrow>`

/** Brackets grow with what they hold only where `\left` asks for it. */
const sign = (text: string, isStretchy = false): string => {
  const stretches = /^[()[\]{}|‖⟨⟩⌊⌋⌈⌉/]$/.test(text) ? ` stretchy="${isStretchy}"` : ''
  return `<mo${stretches}>${escapeHtml(text)}</mo>`
}

const space = (em: number): string => `<mspace width="${em}em"></mspace>`
