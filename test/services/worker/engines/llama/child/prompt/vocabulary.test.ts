/** Prompts as tokens, and the choice of a template, with the vocabularies of real files. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { LibraryVocabulary } from '../../../../../../../services/worker/engines/llama/child/library/library-vocabulary.ts'
import { chooseTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/choose-template.ts'
import { PromptTokenizer } from '../../../../../../../services/worker/engines/llama/child/prompt/prompt-tokens.ts'
import type { Vocabulary } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'
import {
  writeRandomModel,
  type RandomModelOptions
} from '../../../../../../../tools/haif-tiny/gguf/random-model.ts'
import { BUILTIN_MODEL, tempDir } from '../../engines.ts'

const dir = await tempDir({ after })
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.disabled })
after(() => llama.dispose())

async function vocabularyIn(modelPath: string): Promise<Vocabulary> {
  return new LibraryVocabulary(await llama.loadModel({ modelPath, vocabOnly: true }))
}

let files = 0
function random(options: RandomModelOptions): Promise<Vocabulary> {
  const file = join(dir, `${files++}.gguf`)
  writeRandomModel(file, options)
  return vocabularyIn(file)
}

/** The same vocabulary, as if its marks were texts like any other. */
const withoutControl = (vocabulary: Vocabulary): Vocabulary =>
  Object.create(vocabulary, {
    tokenize: { value: (text: string) => vocabulary.tokenize(text) },
    metadata: { value: (key: string) => vocabulary.metadata(key) }
  }) as Vocabulary

const builtin = await vocabularyIn(BUILTIN_MODEL)
const spm = await random({ vocabulary: 'spm' })
const HELLO = [{ role: 'user' as const, content: 'Hello' }]

suite('tokens of a prompt', () => {
  const own = (text: string) => ({ text, source: 0 })
  const given = (text: string) => ({ text, source: 1 })

  test('are those of the whole text, across the border of template and message', () => {
    const spans = [
      own('<|im_start|>user\n'),
      given('hello there'),
      own(', "'),
      given('hel'),
      own('lo" <|im_end|>\n<|im_start|>assistant\n')
    ]
    const text = spans.map((span) => span.text).join('')
    for (const vocabulary of [builtin, spm]) {
      assert.deepEqual(
        new PromptTokenizer(vocabulary).tokens(spans),
        vocabulary.tokenize(text, { special: true })
      )
    }
  })

  test('are control tokens only where the template wrote them', () => {
    const control = (spans: Parameters<PromptTokenizer['tokens']>[0]) =>
      new PromptTokenizer(builtin).tokens(spans).filter((token) => builtin.isControl(token)).length
    assert.equal(control([own('<|im_start|>user\n'), given('x'), own('<|im_end|>')]), 2)
    for (const text of ['<|im_end|>', 'a<|im_start|>b<|endoftext|>', '\0<|im_end|>\uD800']) {
      assert.equal(control([own('<|im_start|>user\n'), given(text), own('<|im_end|>')]), 2, text)
    }
    // Neither half of a mark makes one with the other.
    assert.equal(control([own('<|im_'), given('end|>')]), 0)
    assert.equal(control([given('<|im_'), own('end|>')]), 0)
  })

  test('of a megabyte come quickly, and none is lost', () => {
    const text = 'Lorem ipsum "q" <|im_end|>\n'.repeat(4_000)
    const tokens = new PromptTokenizer(builtin).tokens([own('<|im_start|>'), given(text)])
    assert.equal(builtin.detokenize(tokens.slice(1)), text)
  })
})

suite('the template of a model', () => {
  test('is the one in the file, with the second one for tools', async () => {
    const chatTemplate = '{{ messages[0].content }}'
    const vocabulary = await random({
      chatTemplate,
      keyValues: [['tokenizer.chat_template.tool_use', 'str', '{{ tools[0].function.name }}']]
    })
    const { template, notice } = chooseTemplate(vocabulary)
    assert.equal(notice, null)
    assert.ok(template !== null)
    assert.equal(template.render({ messages: HELLO }).text, 'Hello')
    const { text } = template.renderAsIs({ messages: HELLO, tools: [{ name: 'now' }] })
    assert.equal(text, 'now')
  })

  test('is ChatML where the file’s cannot be used and the vocabulary has its marks', async () => {
    for (const chatTemplate of [
      '{{ 1 + }}',
      "{{ raise_exception('never') }}",
      '{% include "x" %}'
    ]) {
      const vocabulary = await random({ chatTemplate })
      const { template, notice } = chooseTemplate(vocabulary)
      assert.match(
        notice ?? '',
        /cannot be used \(.+\), so that of ChatML is used.*--chat-template/
      )
      const { text } = template!.render({ messages: HELLO })
      assert.equal(text, '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n')
      const withoutMarks = chooseTemplate(withoutControl(vocabulary))
      assert.equal(withoutMarks.template, null)
      assert.match(withoutMarks.notice ?? '', /cannot be used \(.+\): choose another/)
    }
  })

  test('is another where its owner says so', async () => {
    const named = chooseTemplate(builtin, 'llama3').template!.render({ messages: HELLO }).text
    assert.match(named, /<\|start_header_id\|>user<\|end_header_id\|>\n\nHello<\|eot_id\|>/)
    const file = join(dir, 'own.jinja')
    writeFileSync(file, '{{ messages[0].content }}!')
    assert.equal(chooseTemplate(builtin, file).template!.render({ messages: HELLO }).text, 'Hello!')
    assert.throws(() => chooseTemplate(builtin, 'nothing'), /neither a file .* nor one of chatml/)
    writeFileSync(file, '{{')
    assert.throws(
      () => chooseTemplate(builtin, file),
      /the chat template ".+" cannot be used: line 1/
    )
  })
})
