/**
 * Which chat template a model gets: the one that its owner names, else the one in its file. A
 * template in the file that cannot be used is told with its reason, and ChatML takes its place
 * where the vocabulary has its marks.
 */
import { readFileSync } from 'node:fs'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Vocabulary } from '../vocabulary.ts'
import { ChatTemplate } from './chat-template.ts'

interface ChosenTemplate {
  template: ChatTemplate | null
  /** What the owner of the model should know; null where all is as the file says. */
  notice: string | null
}

/** `wish`: a file, or a name. Throws where there is no such template, or it cannot be used. */
export function chooseTemplate(vocabulary: Vocabulary, wish?: string): ChosenTemplate {
  if (wish !== undefined) return { template: wished(vocabulary, wish), notice: null }
  const source = vocabulary.metadata(IN_FILE)
  if (source === null || source.trim() === '') return { template: null, notice: null }
  const toolSource = vocabulary.metadata(`${IN_FILE}.tool_use`)
  try {
    return { template: usable(vocabulary, source, toolSource), notice: null }
  } catch (error) {
    return instead(vocabulary, reasonOf(error))
  }
}

function wished(vocabulary: Vocabulary, wish: string): ChatTemplate {
  const source = sourceOf(wish, vocabulary)
  try {
    return usable(vocabulary, source)
  } catch (error) {
    throw new Error(`the chat template "${wish}" cannot be used: ${reasonOf(error)}`, {
      cause: error
    })
  }
}

const IN_FILE = 'tokenizer.chat_template'

function instead(vocabulary: Vocabulary, reason: string): ChosenTemplate {
  const problem = `the chat template in the file cannot be used (${reason})`
  const remedy = 'choose another with --chat-template <file|name>'
  if (!knowsChatml(vocabulary)) {
    return { template: null, notice: `${problem}: ${remedy}` }
  }
  const template = usable(vocabulary, CHATML)
  return { template, notice: `${problem}, so that of ChatML is used: ${remedy}` }
}

function usable(
  vocabulary: Vocabulary,
  source: string,
  toolSource: string | null = null
): ChatTemplate {
  const { bos, eos } = vocabulary
  const texts = { bosText: bos?.text ?? '', eosText: eos?.text ?? '' }
  const template = new ChatTemplate({ source, toolSource, ...texts })
  template.render({ messages: [{ role: 'user', content: 'Hello' }] })
  return template
}

function sourceOf(wish: string, vocabulary: Vocabulary): string {
  if (Object.hasOwn(NAMED, wish)) return NAMED[wish]!
  const named = vocabulary.metadata(`${IN_FILE}.${wish}`)
  if (named !== null) return named
  try {
    return readFileSync(wish, 'utf8')
  } catch (error) {
    const names = Object.keys(NAMED).join(', ')
    throw new Error(
      `the chat template "${wish}" is neither a file that can be read (${reasonOf(error)}) ` +
        `nor one of ${names}`,
      { cause: error }
    )
  }
}

const knowsChatml = (vocabulary: Vocabulary): boolean =>
  ['<|im_start|>', '<|im_end|>'].every((mark) => {
    const tokens = vocabulary.tokenize(mark, { special: true, continued: true })
    return tokens.length === 1
  })

const eachMessage = (message: string, opened: string): string =>
  `{% for message in messages %}${message}{% endfor %}` +
  `{% if add_generation_prompt %}${opened}{% endif %}`

const CHATML = eachMessage(
  "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}",
  "{{ '<|im_start|>assistant\n' }}"
)

/** The plain forms of chat that files without a template of their own were mostly made for. */
const NAMED: Readonly<Record<string, string>> = {
  chatml: CHATML,
  llama3:
    '{{ bos_token }}' +
    eachMessage(
      "{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content + " +
        "'<|eot_id|>' }}",
      "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    ),
  mistral:
    '{{ bos_token }}' +
    eachMessage(
      "{% if message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}" +
        "{% else %}{{ '[INST] ' + message.content + ' [/INST]' }}{% endif %}",
      ''
    ),
  gemma:
    '{{ bos_token }}' +
    eachMessage(
      "{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else 'user') + '\n' + " +
        "message.content + '<end_of_turn>\n' }}",
      "{{ '<start_of_turn>model\n' }}"
    ),
  phi3: eachMessage(
    "{{ '<|' + message.role + '|>\n' + message.content + '<|end|>\n' }}",
    "{{ '<|assistant|>\n' }}"
  ),
  zephyr: eachMessage(
    "{{ '<|' + message.role + '|>\n' + message.content + eos_token + '\n' }}",
    "{{ '<|assistant|>\n' }}"
  ),
  vicuna: eachMessage(
    "{% if message.role == 'system' %}{{ message.content + '\n\n' }}" +
      "{% elif message.role == 'user' %}{{ 'USER: ' + message.content + '\n' }}" +
      "{% else %}{{ 'ASSISTANT: ' + message.content + eos_token + '\n' }}{% endif %}",
    "{{ 'ASSISTANT:' }}"
  )
}
