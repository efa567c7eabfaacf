/** A template that cannot be used says why, and never becomes "the model has no chat template". */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/choose-template.ts'
import type { Vocabulary } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'

const MARKS = ['<|im_start|>', '<|im_end|>']

/** As far as the choice looks at one. */
function vocabulary(source: string | null, marks: readonly string[] = MARKS): Vocabulary {
  const known = {
    bos: null,
    eos: null,
    metadata: (key: string) => (key === 'tokenizer.chat_template' ? source : null),
    tokenize: (text: string) => (marks.includes(text) ? [1] : [1, 2, 3])
  }
  return known as unknown as Vocabulary
}

const GO = '{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>{{ end }}{{ .Prompt }}'
const BROKEN: [name: string, source: string][] = [
  ['one that is cut off', '{% for message in messages %}{{ message.content'],
  ['one of Go, as Ollama has it', GO],
  ['one that refuses everything', "{{ raise_exception('no') }}"],
  ['one with a tag that there is not', '{% sing %}']
]

test('a template that cannot be used is told with its reason, and ChatML takes its place', () => {
  for (const [name, source] of BROKEN) {
    const { template, notice } = chooseTemplate(vocabulary(source))
    assert.match(
      notice ?? '',
      /file cannot be used \(.+\), so that of ChatML is used: .*--chat-/,
      name
    )
    const { text } = template!.render({ messages: [{ role: 'user', content: 'Hi' }] })
    assert.match(text, /^<\|im_start\|>user\nHi<\|im_end\|>/)
    const bare = chooseTemplate(vocabulary(source, []))
    assert.equal(bare.template, null)
    assert.match(
      bare.notice ?? '',
      /cannot be used \(.+\): choose another with --chat-template/,
      name
    )
  }
})

test('a template that only Transformers knows, and one that is missing, are no trouble', () => {
  const marked =
    '{% for message in messages %}{% generation %}{{ message.content }}{% endgeneration %}{% endfor %}'
  for (const [source, has] of [
    [marked, true],
    ['{{ strftime_now("%Y") }}{{ messages[0].content }}', true],
    [null, false],
    ['  ', false]
  ] as const) {
    const { template, notice } = chooseTemplate(vocabulary(source))
    assert.deepEqual([template !== null, notice], [has, null], String(source))
  }
})

test('an owner that names a template that is none hears it at once', () => {
  assert.throws(
    () => chooseTemplate(vocabulary(null), '/nowhere.jinja'),
    /neither a file that can be read \(ENOENT.*nor one of chatml, llama3/
  )
  const { template } = chooseTemplate(vocabulary(GO), 'chatml')
  assert.ok(template !== null)
})
