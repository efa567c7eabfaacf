/**
 * Takes secrets out of what a function says. A text comes in parts, and a secret may be cut by
 * them: what may be the beginning of one is held back until it is known.
 */

const HIDDEN = '[secret]'

/** As it is written in JSON, too, where that is something else. */
export function formsOf(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
  return [...new Set(forms)].toSorted((a, b) => b.length - a.length)
}

/** For bytes that are read as Latin-1, so that each byte is a character. */
export const byteForms = (secrets: readonly string[]): string[] =>
  formsOf(secrets).map((form) => Buffer.from(form).toString('latin1'))

export function redacted(text: string, forms: readonly string[]): string {
  return forms.reduce((left, form) => left.replaceAll(form, HIDDEN), text)
}

export class Redactor {
  readonly #forms: readonly string[]
  /** Shorter than the longest form. */
  #held = ''

  constructor(forms: readonly string[]) {
    this.#forms = forms
  }

  pass(text: string): string {
    const all = redacted(this.#held + text, this.#forms)
    const held = Math.max(0, ...this.#forms.map((form) => beginningAt(all, form)))
    this.#held = held === 0 ? '' : all.slice(-held)
    return all.slice(0, all.length - held)
  }

  end(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** How many characters at the end of the text begin the form. */
function beginningAt(text: string, form: string): number {
  for (let length = Math.min(form.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(form.slice(0, length))) return length
  }
  return 0
}

/** Of a file that a function leaves. */
export async function* redactedBytes(
  body: AsyncIterable<Buffer>,
  forms: readonly string[]
): AsyncGenerator<Buffer> {
  const redactor = new Redactor(forms)
  for await (const part of body) yield Buffer.from(redactor.pass(part.toString('latin1')), 'latin1')
  yield Buffer.from(redactor.end(), 'latin1')
}
