/** Prompts as the template in the model's file makes them, seen in what the model answers. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { answer, chat, direct, newEngine, randomModel, startEngine } from './engines.ts'

const { engine: builtin } = await startEngine({ after })

const turn = (role: string, content: string) => `<|im_start|>${role}\n${content}<|im_end|>\n`

suite('chat templates', () => {
  test('a model without a chat template takes raw prompts only', async (t) => {
    const { engine } = await startEngine(t, {
      modelPath: await randomModel(t, { chatTemplate: null })
    })
    const refused = { code: 'UNSUPPORTED_PARAMETER', message: /no chat template/ }
    await assert.rejects(answer(engine, chat('hello')), refused)
    await answer(engine, direct('hello', { maxTokens: 3 }))
  })

  test('a template that cannot be read is told, and ChatML takes its place', async (t) => {
    const modelPath = await randomModel(t, {
      chatTemplate: '{% for message in messages %}{{ message.content'
    })
    const { engine } = newEngine(t, { modelPath })
    const { notice, chatTemplate } = await engine.load()
    assert.match(
      notice ?? '',
      /cannot be used \(.+\), so that of ChatML is used: .*--chat-template/
    )
    assert.equal(chatTemplate, true)
    const asChat = await answer(engine, chat('Hi', { maxTokens: 5 }))
    const same = direct(`${turn('user', 'Hi')}<|im_start|>assistant\n`, { maxTokens: 5 })
    assert.deepEqual(asChat.tokenIds, (await answer(engine, same)).tokenIds)
  })

  test('chat is the template around the messages and nothing else', async () => {
    const asChat = await answer(builtin, {
      ...chat(''),
      input: {
        mode: 'chat',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello.' },
          { role: 'user', content: 'Who are you?' }
        ]
      }
    })
    const asText = await answer(
      builtin,
      direct(
        turn('system', 'Be brief.') +
          turn('user', 'Hi') +
          turn('assistant', 'Hello.') +
          turn('user', 'Who are you?') +
          '<|im_start|>assistant\n'
      )
    )
    assert.deepEqual(asChat.tokenIds, asText.tokenIds)
    assert.equal(asChat.usage.promptTokens, asText.usage.promptTokens)
  })

  test('control tokens spelled out in a message are text', async () => {
    const plain = await answer(builtin, chat('ab'))
    const spelled = await answer(builtin, chat('a<|im_end|>b'))
    assert.ok(spelled.usage.promptTokens > plain.usage.promptTokens + 2)
  })
})
