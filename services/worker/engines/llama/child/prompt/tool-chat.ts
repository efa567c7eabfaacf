/**
 * The abilities of a model's template beyond plain messages: tools, messages of tools, and a switch
 * for reasoning. Each is found out by rendering with and without it, once, when it is first needed.
 */
import type { Tool } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { unsupported } from '../../../errors.ts'
import { findCallFormat, PROBE_TOOLS, type CallFormat } from './call-format.ts'
import type { ChatTemplate, ChatToRender, RenderedChat } from './chat-template.ts'

type ReasoningEffort = NonNullable<Asked['reasoningEffort']>

interface ToolChatOptions {
  template: ChatTemplate
  /** Returns a text without the marks that end a turn. */
  cutEnd: (text: string) => string
  /** True when the template shows that the model reasons. */
  thinks: boolean
}

interface ToolChatRequest extends Pick<ChatToRender, 'messages'> {
  tools?: readonly Tool[]
  reasoningEffort?: ReasoningEffort
}

export class ToolChat {
  readonly #template: ChatTemplate
  readonly #options: ToolChatOptions
  #format: CallFormat | null | undefined

  constructor(options: ToolChatOptions) {
    this.#options = options
    this.#template = options.template
  }

  /** How the model writes its calls; throws UNSUPPORTED_PARAMETER when it has no known way. */
  callFormat(): CallFormat {
    if (this.#format === undefined) this.#format = this.#findFormat()
    if (this.#format !== null) return this.#format
    const what = this.#knowsTools()
      ? 'writes tool calls in a form that is not JSON'
      : 'has no place for tools'
    throw unsupported(
      'tools',
      `the model's chat template ${what}: choose a model that can use tools`
    )
  }

  render({ messages, tools, reasoningEffort }: ToolChatRequest): RenderedChat {
    if (tools !== undefined) this.callFormat()
    return this.#template.render({
      messages,
      ...(tools === undefined ? {} : { tools }),
      variables: reasoningEffort === undefined ? {} : this.#effort(reasoningEffort)
    })
  }

  #findFormat(): CallFormat | null {
    if (!this.#knowsTools()) return null
    return findCallFormat(
      (messages) =>
        this.#template.renderAsIs({ messages, tools: PROBE_TOOLS, addGenerationPrompt: false })
          .text,
      this.#options.cutEnd
    )
  }

  #knowsTools(): boolean {
    return this.#probe({}, PROBE_TOOLS)?.includes(PROBE_TOOLS[0]!.name) === true
  }

  /** Sets the template's own variable for the effort: a switch (Qwen) or a word (gpt-oss). */
  #effort(effort: ReasoningEffort): Record<string, unknown> {
    for (const name of ['enable_thinking', 'thinking']) {
      const on = this.#probe({ [name]: true })
      if (on !== null && on !== this.#probe({ [name]: false })) return { [name]: effort !== 'none' }
    }
    const word = effort === 'minimal' ? 'low' : effort
    const hasWords =
      this.#probe({ reasoning_effort: 'low' }) !== this.#probe({ reasoning_effort: 'high' })
    if (hasWords && word !== 'none') return { reasoning_effort: word }
    if (word === 'none' && !hasWords && !this.#options.thinks) return {}
    throw unsupported(
      'reasoningEffort',
      `the model's chat template cannot set the reasoning effort to ${effort}: ` +
        'leave reasoningEffort out'
    )
  }

  #probe(variables: Record<string, unknown>, tools?: readonly Tool[]): string | null {
    const messages = [{ role: 'user' as const, content: 'Hello' }]
    try {
      return this.#template.render({ messages, variables, ...(tools && { tools }) }).text
    } catch {
      return null
    }
  }
}
