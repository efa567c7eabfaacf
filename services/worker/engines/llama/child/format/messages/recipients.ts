/**
 * The form of Functionary 3.2: an answer is a row of messages, and the first line of each names who
 * it is for, `all` or a tool. The prompt has written the `>>>` before the first.
 *
 *   all
 *   Let me look.>>>get_weather
 *   {"city": "Köln"}
 */
import type { Input, Reading } from '../input.ts'
import { readJson } from '../json-value.ts'
import type { Marks } from '../marks.ts'
import type {
  BoundFormat,
  CallableTool,
  OutputFormat,
  OutputParts,
  PromptThought,
  ReadOptions,
  Rules,
  SaidBefore
} from '../output-format.ts'

export const recipients: OutputFormat = {
  name: 'recipients',
  reasons: false,
  calls: true,
  bind: (marks) => new Recipients(marks)
}

const NEXT = '>>>'
const EVERYBODY = 'all'
const NAME_CHARACTERS_MAX = 128

class Recipients implements BoundFormat {
  readonly #marks: Marks

  constructor(marks: Marks) {
    this.#marks = marks
  }

  *read(input: Input, to: OutputParts, { tools }: ReadOptions): Reading<void> {
    let recipient = yield* this.#readRecipient(input, to, tools)
    while (yield* input.hasMore()) {
      if (recipient !== null && recipient !== EVERYBODY) {
        yield* this.#readCall(recipient, input, to)
        if (!to.takesCalls) return to.done()
        recipient = (yield* input.accept(NEXT))
          ? yield* this.#readRecipient(input, to, tools)
          : null
      } else if ((yield* input.until([NEXT], (text) => to.content(text))) !== null) {
        recipient = yield* this.#readRecipient(input, to, tools)
        if (recipient === null) to.content(NEXT)
      }
    }
  }

  thoughtAt(): PromptThought {
    return 'over'
  }

  thoughtRule(): null {
    return null
  }

  thoughtEndRule(): null {
    return null
  }

  afterThoughtRule(): string {
    return ''
  }

  contentRule(): string {
    return this.#marks.literal(`${EVERYBODY}\n`)
  }

  callsRule(rules: Rules, tools: readonly CallableTool[], parallel: boolean): string {
    const calls = tools.map((tool) => {
      const args = rules.addGrammar('arguments', tool.argumentsGrammar)
      return `${rules.literal(`${tool.name}\n`)} ${args}`
    })
    const call = rules.add('call', calls.join(' | '))
    return parallel ? `${call} ( ${rules.literal(NEXT)} ${call} )*` : call
  }

  written({ text }: SaidBefore): string {
    return text === '' ? '' : `${EVERYBODY}\n${text}`
  }

  /** Takes the line that names a recipient; null, and nothing is taken, where there is none. */
  *#readRecipient(
    input: Input,
    to: OutputParts,
    tools: ReadOptions['tools']
  ): Reading<string | null> {
    const place = input.save()
    let name = ''
    const isLine = yield* input.attempt(function* () {
      name = yield* input.while(/[\w-]/, NAME_CHARACTERS_MAX)
      const isKnown = name === EVERYBODY || tools?.has(name) === true
      return isKnown && (yield* input.peek()) === '\n' && input.take() === '\n'
    })
    if (isLine && name !== EVERYBODY) to.certain(input.since(place))
    input.release()
    return isLine ? name : null
  }

  *#readCall(name: string, input: Input, to: OutputParts): Reading<void> {
    to.call(name)
    yield* input.spaces()
    to.callEnd(yield* readJson(input, (json) => to.arguments(json)))
    yield* input.spaces()
  }
}
