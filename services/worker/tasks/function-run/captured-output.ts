/** What one run prints, up to the mark that ends it, within its bound. */
import { StringDecoder } from 'node:string_decoder'
import { Redactor } from './redactor.ts'

type OutputName = 'stdout' | 'stderr'

interface CapturedDeps {
  /** Of both streams together. */
  bytesMax: number
  mark: string
  onText: (text: string) => void
  onTooMuch: () => void
  /** Of secrets, which are in no output. */
  forms?: readonly string[]
}

class Captured {
  text = ''
  /** The mark was read: what comes now is nobody's. */
  isOver = false
  readonly decoder = new StringDecoder('utf8')
  /** Read, and perhaps the beginning of the mark. */
  held = ''
  readonly redactor: Redactor | null

  constructor(forms: readonly string[]) {
    this.redactor = forms.length === 0 ? null : new Redactor(forms)
  }
}

export class CapturedOutput {
  readonly #deps: CapturedDeps
  readonly #streams: Readonly<Record<OutputName, Captured>>
  readonly #over = Promise.withResolvers<void>()
  #bytes = 0

  constructor(deps: CapturedDeps) {
    this.#deps = deps
    const { forms = [] } = deps
    this.#streams = { stdout: new Captured(forms), stderr: new Captured(forms) }
  }

  get texts(): Record<OutputName, string> {
    const { stdout, stderr } = this.#streams
    return { stdout: stdout.text, stderr: stderr.text }
  }

  /** Resolves when both streams have come to the mark, or have ended. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  take(name: OutputName, bytes: Buffer): void {
    const stream = this.#streams[name]
    if (stream.isOver) return
    const room = this.#deps.bytesMax - this.#bytes
    // Each stream ends with a mark, which is none of the function's output.
    const { mark } = this.#deps
    this.#bytes += bytes.length
    this.#pass(stream, stream.decoder.write(bytes.subarray(0, Math.max(0, room + mark.length))))
    if (bytes.length > room + 2 * mark.length) this.#deps.onTooMuch()
  }

  end(name: OutputName): void {
    const stream = this.#streams[name]
    if (stream.isOver) return
    this.#keep(stream, stream.held + stream.decoder.end())
    this.#finish(stream)
  }

  #pass(stream: Captured, text: string): void {
    const { mark } = this.#deps
    const all = stream.held + text
    const at = all.indexOf(mark)
    if (at !== -1) {
      this.#keep(stream, all.slice(0, at))
      return this.#finish(stream)
    }
    const held = beginningOf(mark, all)
    stream.held = all.slice(all.length - held)
    this.#keep(stream, all.slice(0, all.length - held))
  }

  #keep(stream: Captured, text: string): void {
    stream.held = stream.isOver ? '' : stream.held
    this.#tell(stream, stream.redactor?.pass(text) ?? text)
  }

  #tell(stream: Captured, text: string): void {
    if (text === '') return
    stream.text += text
    this.#deps.onText(text)
  }

  #finish(stream: Captured): void {
    stream.isOver = true
    stream.held = ''
    this.#tell(stream, stream.redactor?.end() ?? '')
    if (this.#streams.stdout.isOver && this.#streams.stderr.isOver) this.#over.resolve()
  }
}

/** How many characters at the end of the text may be the beginning of the mark. */
function beginningOf(mark: string, text: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length
  }
  return 0
}
