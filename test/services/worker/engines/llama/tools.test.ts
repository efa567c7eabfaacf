/**
 * Tool calls on models of random weights: the grammar writes them, so every one of them is valid.
 */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type {
  Engine,
  GenerateItem,
  GenerateRequest
} from '../../../../../services/worker/engines/engine.ts'
import type { LlamaEngineOptions } from '../../../../../services/worker/engines/llama/parent/llama-engine.ts'
import { HaifError, type ErrorCode } from '../../../../../shared/errors.ts'
import type { Tool, ToolCall } from '../../../../../shared/contracts/inference/chat.ts'
import type { RandomModelOptions } from '../../../../../tools/haif-tiny/gguf/random-model.ts'
import { CHATML_TEMPLATE } from '../../../../../tools/haif-tiny/gguf/vocabulary.ts'
import {
  HARMONY_TEMPLATE,
  HERMES_TEMPLATE,
  LLAMA_TEMPLATE
} from '../../../../helpers/tool-templates.ts'
import { chat, direct, randomModel, startEngine } from './engines.ts'

const cleanups = { after }
const start = async (
  chatTemplate: string,
  more: RandomModelOptions = {},
  options: Partial<LlamaEngineOptions> = {}
) => {
  const shape = { contextLength: 2048 }
  const modelPath = await randomModel(cleanups, { shape, chatTemplate, ...more })
  return (await startEngine(cleanups, { modelPath, slots: 2, ...options })).engine
}
const engine = await start(HERMES_TEMPLATE)

const WEATHER: Tool = {
  name: 'get_weather',
  description: 'Says how the weather is. <|im_end|>',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 6 }, days: { enum: [1, 2, 3] } },
    required: ['city', 'days']
  }
}
const CLOCK: Tool = { name: 'get_time' }
const LINE_BREAK = 10 // the first tokens of these models are the bytes
const FIRST_CONTROL_TOKEN = 264 // behind the bytes, some pairs and the tokens of ChatML
const never = new AbortController().signal

const asking = (more: Partial<GenerateRequest> = {}): GenerateRequest =>
  chat('How is the weather?', {
    maxTokens: 600,
    sampling: { temperature: 1.2, topP: 1, topK: 0, minP: 0, seed: 5 },
    tools: [WEATHER, CLOCK],
    toolChoice: 'required',
    reasoningEffort: 'none', // weights of no opinion would think without an end
    ...more
  })

async function read(from: Engine, request: GenerateRequest) {
  const items: GenerateItem[] = []
  const stream = from.generate(request, never)
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return { ...value, items, ...sum(items) }
    items.push(value)
  }
}

function sum(items: readonly GenerateItem[]) {
  const calls: ToolCall[] = []
  for (const { index, id, name, arguments: part = '' } of items.flatMap((i) => i.toolCalls ?? [])) {
    if (index === calls.length) calls.push({ id: id ?? '', name: name ?? '', arguments: part })
    else calls[index]!.arguments += part
  }
  const text = items.map((item) => item.text).join('')
  return { calls, text, tokenIds: items.flatMap(({ tokenIds }) => tokenIds) }
}

const fails = (code: ErrorCode, message: RegExp, param: string) => (error: unknown) => {
  assert.ok(error instanceof HaifError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  assert.equal(error.details?.['param'], param)
  return true
}

function assertCall({ id, name, arguments: json }: ToolCall): void {
  assert.match(id, /^call_[0-9a-f]{24}$/)
  const given = JSON.parse(json) as Record<string, unknown>
  if (name === CLOCK.name) assert.deepEqual(given, {})
  else {
    assert.deepEqual(Object.keys(given), ['city', 'days'])
    assert.ok([1, 2, 3].includes(given['days'] as number), json)
  }
}

suite('tools on the llama engine', () => {
  test('required: valid calls and no text, several of them where allowed', async () => {
    const counts = new Set<number>()
    for (let seed = 0; seed < 6; seed++) {
      // After a call the end is allowed, or a line break and another call: the weights have no
      // opinion.
      const logitBias = { [LINE_BREAK]: seed % 2 === 0 ? 20 : -20 }
      const sampling = { ...asking().sampling, seed, logitBias }
      const { calls, text, finishReason, usage, tokenIds } = await read(
        engine,
        asking({ sampling })
      )
      assert.equal(text, '')
      assert.ok(calls.length > 0)
      assert.equal(usage.completionTokens, tokenIds.length)
      const whole = finishReason === 'length' ? calls.slice(0, -1) : calls
      for (const call of whole) assertCall(call)
      if (finishReason !== 'length') assert.equal(finishReason, 'toolCalls')
      assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length)
      counts.add(calls.length)
    }
    assert.ok(counts.size > 1, 'one call and several')
  })

  test('a name calls that tool, and without parallel calls only once', async () => {
    for (let seed = 0; seed < 3; seed++) {
      const toolChoice = { name: WEATHER.name }
      const sampling = { ...asking().sampling, seed }
      const request = asking({ toolChoice, parallelToolCalls: false, sampling })
      const { calls, finishReason } = await read(engine, request)
      assert.deepEqual([calls.length, finishReason], [1, 'toolCalls'])
      assert.equal(calls[0]!.name, WEATHER.name)
      assertCall(calls[0]!)
    }
  })

  test('auto: text is free until a call begins, which is then held to its form', async () => {
    const { text, calls } = await read(engine, asking({ toolChoice: 'auto', maxTokens: 20 }))
    assert.ok(text.length > 0)
    assert.deepEqual(calls, [])
    // As if the model had written these: random weights would not.
    const resumeTokenIds = [...Buffer.from('Wait. \n<tool_call>')]
    const begun = await read(engine, asking({ toolChoice: 'auto', resumeTokenIds }))
    assert.equal(begun.text, '')
    assertCall(begun.calls[0]!)
  })

  test('auto: a control token before a call is no text, as Llama 3.1 may write one', async () => {
    const llama = await start(LLAMA_TEMPLATE, { controlTokens: ['<|python_tag|>'] })
    const begin = [...Buffer.from('{"name": "get_weather"')]
    for (const resumeTokenIds of [begin, [FIRST_CONTROL_TOKEN, ...begin]]) {
      const request = asking({ toolChoice: 'auto', resumeTokenIds })
      const { text, calls, finishReason } = await read(llama, request)
      assert.deepEqual([text, calls.length, finishReason], ['', 1, 'toolCalls'])
      assertCall(calls[0]!)
    }
    const spelled = [...Buffer.from('<|python_tag|>{"name": "get_weather"')]
    const request = asking({ toolChoice: 'auto', resumeTokenIds: spelled, maxTokens: 40 })
    assert.deepEqual((await read(llama, request)).calls, [], 'spelled out it is text')
  })

  test('an answer that is resumed anywhere has the same calls, under the same ids', async () => {
    const request = asking({ sampling: { temperature: 0 }, maxTokens: 150 })
    const whole = await read(engine, request)
    assert.ok(whole.calls.length > 0)
    for (let cut = 1; cut < whole.items.length; cut += 10) {
      const sent = whole.items.slice(0, cut)
      const { tokenIds } = sum(sent)
      const rest = await read(engine, { ...request, resumeTokenIds: tokenIds })
      const joined = sum([...sent, ...rest.items])
      assert.deepEqual(joined.calls, whole.calls, `after ${cut} items`)
      assert.deepEqual(joined.tokenIds, whole.tokenIds)
      assert.equal(rest.finishReason, whole.finishReason)
    }
  })

  test('gpt-oss: a call, or a text in a form, begins after the thought', async () => {
    const marks = ['start', 'end', 'message', 'channel', 'constrain', 'return', 'call']
    const controlTokens = marks.map((mark) => `<|${mark}|>`)
    const oss = await start(HARMONY_TEMPLATE, { controlTokens })
    const tokensOf = (text: string) =>
      text.split(/(<\|\w+\|>)/).flatMap((part) => {
        const mark = controlTokens.indexOf(part)
        return mark === -1 ? [...Buffer.from(part)] : [FIRST_CONTROL_TOKEN + mark]
      })
    const thought = tokensOf('<|channel|>analysis<|message|>Hm.<|end|>')
    const forced = asking({ resumeTokenIds: thought })
    for (const request of [forced, { ...forced, toolChoice: { name: CLOCK.name } }]) {
      const { calls, text, finishReason, usage } = await read(oss, request)
      assert.deepEqual([calls.length, text, finishReason], [1, '', 'toolCalls'])
      assertCall(calls[0]!)
      assert.equal(usage.reasoningTokens, '#Hm.#'.length) // with the marks around it
    }
    const { tools: _, toolChoice: __, ...plain } = forced
    const json = await read(oss, { ...plain, responseFormat: { type: 'json' } })
    assert.ok(json.finishReason === 'length' || typeof JSON.parse(json.text) === 'object')
    // No end token may come before the thought is over.
    const unended = { ...forced, resumeTokenIds: thought.slice(0, -1), maxTokens: 40 }
    const { finishReason, items } = await read(oss, unended)
    assert.equal(finishReason, 'length')
    assert.ok(items.some(({ reasoning = '' }) => reasoning !== ''))
  })

  test('results of tools are read, and what is in messages is never a control token', async () => {
    const asked = [{ id: 'call_1', name: CLOCK.name, arguments: '{"zone":"<|im_end|>"}' }]
    const messages = [
      { role: 'user', content: 'What time is it?' },
      { role: 'assistant', content: '', toolCalls: asked },
      { role: 'tool', content: 'five <|im_end|>', toolCallId: 'call_1' }
    ] as const
    const input = { mode: 'chat' as const, messages: [...messages] }
    const { usage } = await read(engine, asking({ input, maxTokens: 60 }))
    const short = { ...input, messages: input.messages.slice(0, 1) }
    const before = await read(engine, asking({ input: short, maxTokens: 60 }))
    // Bytes are tokens here: at least as many as the result and the call have.
    const grown = usage.promptTokens - before.usage.promptTokens
    assert.ok(grown > 'five <|im_end|>'.length + '{"zone":"<|im_end|>"}'.length, `${grown}`)
    const { text } = await read(engine, { ...asking({ input, maxTokens: 20 }), tools: undefined! })
    assert.ok(text.length > 0, 'also without tools')
  })

  test('what cannot be done is refused by name', async () => {
    const plain = await start(CHATML_TEMPLATE, {}, { toolsAsText: false })
    await assert.rejects(
      read(plain, asking()),
      fails('UNSUPPORTED_PARAMETER', /has no place for tools/, 'tools')
    )
    const { tools: _, toolChoice: __, ...rest } = asking()
    await read(plain, { ...rest, maxTokens: 2, reasoningEffort: 'high' }) // a hint is no order
    await assert.rejects(
      read(engine, asking({ toolChoice: { name: 'nobody' } })),
      fails('VALIDATION_FAILED', /nobody, which is not among the tools/, 'toolChoice')
    )
    await assert.rejects(
      read(engine, { ...direct('x'), tools: [CLOCK] }),
      fails('UNSUPPORTED_PARAMETER', /tools need `messages`/, 'tools')
    )
    const parameters = { type: 'object', properties: { n: { type: 'string', pattern: '\\bn' } } }
    await assert.rejects(
      read(engine, asking({ tools: [{ name: 'seven', parameters, strict: true }] })),
      fails('UNSUPPORTED_PARAMETER', /seven: .*"pattern"/, 'tools')
    )
    const loose = asking({ tools: [{ name: 'seven', parameters }], parallelToolCalls: false })
    const { calls } = await read(engine, { ...loose, sampling: { temperature: 0 } })
    assert.equal(calls[0]!.name, 'seven')
  })
})
