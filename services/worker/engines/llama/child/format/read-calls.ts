/** Reads the calls of an answer from where the first begins. */
import type { Input, Reading } from './input.ts'
import type { BoundCalls, CallableTool, CallDraft, OutputParts } from './output-format.ts'

interface ReadCallsOptions {
  syntax: BoundCalls
  tools: ReadonlyMap<string, CallableTool>
  /** The mark that was read; '' where only a call's own text can show that it is one. */
  trigger: string
}

/** Returns false, and takes nothing, where there is no call. */
export function* readCalls(
  input: Input,
  to: OutputParts,
  { syntax, tools, trigger }: ReadCallsOptions
): Reading<boolean> {
  const { begin, open, close, between, end, call } = syntax
  const place = input.save()
  const certain = () => to.certain(trigger + input.since(place))
  to.passes('')
  const isSure = trigger !== '' && trigger === syntax.trigger
  if (isSure) certain()
  const onName = () => !isSure && certain()
  let draft = new Draft(to, { tools, onlyKnown: !isSure, onName })
  const first = begin + open
  const shown = trigger === '' ? syntax.trigger : trigger
  let lead = ` ${first.slice(first.indexOf(shown) + shown.length)}`
  let calls = 0
  for (; ; calls++) {
    const isCall = yield* input.attempt(function* () {
      return (yield* input.expect(lead)) && ((yield* call.read(input, draft)) || draft.isBegun)
    })
    if (!isCall) break
    to.callEnd(draft.isComplete)
    if (draft.isComplete && close !== '') yield* input.accept(` ${close}`)
    if (!draft.isComplete) break
    if (between === null || !to.takesCalls) {
      to.done()
      break
    }
    draft = new Draft(to, { tools, onlyKnown: false, onName: () => {} })
    lead = ` ${between} ${open}`
  }
  const isEnd = calls > 0 && end !== '' && (yield* input.accept(` ${end}`))
  if (isEnd) to.done()
  // An answer that was cut inside of a mark, or before a call has its name, has no text there.
  const isCut = input.ranOut && (calls > 0 || trigger !== '' || begins(input.rest, call.begin))
  if (isCut) input.take(input.rest.length)
  input.release()
  return calls > 0 || draft.isBegun || isCut
}

function begins(text: string, begin: string | undefined): boolean {
  const [known, start] = [text, begin ?? ''].map((each) => each.replace(/\s+/g, ''))
  return known !== '' && start !== '' && (start!.startsWith(known!) || known!.startsWith(start!))
}

interface DraftOptions {
  tools: ReadonlyMap<string, CallableTool>
  /** True where only the name of a tool shows that there is a call. */
  onlyKnown: boolean
  onName: () => void
}

class Draft implements CallDraft {
  name: string | null = null
  hasArguments = false
  isBegun = false
  isComplete = false
  readonly #to: OutputParts
  readonly #options: DraftOptions
  #early: string[] = []

  constructor(to: OutputParts, options: DraftOptions) {
    this.#to = to
    this.#options = options
  }

  get schema(): CallableTool['parameters'] {
    return this.name === null ? undefined : this.#options.tools.get(this.name)?.parameters
  }

  setName(name: string): boolean {
    if (name === '' || name.length > NAME_CHARACTERS_MAX) return false
    if (this.name !== null || (this.#options.onlyKnown && !this.#options.tools.has(name)))
      return false
    this.name = name
    this.#options.onName()
    this.#begin()
    return true
  }

  arguments(json: string): void {
    this.hasArguments = true
    this.#early.push(json)
    this.#begin()
  }

  complete(): void {
    this.isComplete = true
  }

  #begin(): void {
    if (this.name === null || !this.hasArguments) return
    if (!this.isBegun) this.#to.call(this.name)
    this.isBegun = true
    for (const json of this.#early) this.#to.arguments(json)
    this.#early = []
  }
}

/** The bound of a tool's name in the contract. */
const NAME_CHARACTERS_MAX = 128
