/**
 * What every engine has to do, whatever runs in it. `conformance` is one suite; the engines that it
 * runs against are in `conformance.test.ts`.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type {
  Engine,
  GenerateEnd,
  GenerateItem,
  GenerateRequest,
  LoadedModel
} from '../../../../services/worker/engines/engine.ts'
import type { Tool, ToolCall } from '../../../../shared/contracts/inference/chat.ts'
import { addToCalls } from '../../../../shared/inference/failover/sent-tokens.ts'
import { HaifError } from '../../../../shared/errors.ts'
import { until } from '../../../helpers/until.ts'
import type { Cleanup } from '../../../helpers/upstreams/start.ts'

interface Conformant {
  /** A fresh engine with two slots, not loaded; the suite closes it. */
  make(t: Cleanup): Promise<Engine>
  /** As its model is announced. */
  name: string
  digest: RegExp
  contextTokens: number
  /** Whether an answer is continued by token ids; otherwise by its text. */
  resumes: 'ids' | 'text'
  /** Whether it honours `stop`. */
  stops: boolean
  /** Whether it makes tool calls when it has to. */
  tools: boolean
  /** A prompt whose greedy answer has this many tokens at least. */
  prompt: { text: string; tokens: number }
  /** Fields of `Sampling` that it has to understand, and some that it must not claim to. */
  honours: readonly string[]
  refuses: readonly string[]
}

interface Answer extends GenerateEnd {
  items: GenerateItem[]
  text: string
  tokenIds: number[]
  /** With or without ids. */
  tokens: number
}

const SLOTS = 2
const WORD = {
  type: 'object',
  properties: { word: { type: 'string', maxLength: 12 } },
  required: ['word']
}
const never = new AbortController().signal

export async function answer(
  engine: Engine,
  request: GenerateRequest,
  signal: AbortSignal = never
): Promise<Answer> {
  const items: GenerateItem[] = []
  const stream = engine.generate(request, signal)
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return { ...value, ...sum(items) }
    items.push(value)
  }
}

function sum(items: GenerateItem[]): Omit<Answer, keyof GenerateEnd> {
  const tokenIds = items.flatMap((item) => item.tokenIds)
  const text = items.map((item) => item.text).join('')
  return { items, text, tokenIds, tokens: items.reduce((total, item) => total + count(item), 0) }
}

const count = ({ tokenIds, tokens }: GenerateItem) => tokens ?? tokenIds.length

/** Greedy, so that the same answer is expected every time. */
export const direct = (prompt: string, more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  input: { mode: 'direct', prompt },
  maxTokens: 24,
  sampling: { temperature: 0 },
  ...more
})

export const chat = (content: string, more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  ...direct(''),
  input: { mode: 'chat', messages: [{ role: 'user', content }] },
  ...more
})

/** What resuming after these items asks for. */
function resumed(items: GenerateItem[], by: Conformant['resumes']): Partial<GenerateRequest> {
  const { text, tokenIds, tokens } = sum(items)
  return by === 'ids'
    ? { resumeTokenIds: tokenIds }
    : { resumeTokenIds: [], resumeText: text, resumeTokens: tokens }
}

const fails = (code: string) => (error: unknown) => {
  assert.ok(error instanceof HaifError, String(error))
  assert.equal(error.code, code, error.message)
  return true
}

export function conformance(title: string, conformant: Conformant): void {
  const { name, digest, contextTokens, resumes, stops, tools, honours, refuses } = conformant
  const { text: prompt, tokens } = conformant.prompt
  const long = (more: Partial<GenerateRequest> = {}) =>
    direct(prompt, { maxTokens: tokens, ...more })

  const idle = (engine: Engine) =>
    until(() => engine.metrics().running === 0 && engine.metrics().waiting === 0)

  suite(title, () => {
    const cleanups: (() => Promise<void>)[] = []
    let engine: Engine
    let loaded: LoadedModel
    before(async () => {
      engine = await conformant.make({ after: (clean) => cleanups.push(clean) })
      cleanups.push(() => engine.close())
      loaded = await engine.load()
    })
    after(async () => {
      for (const clean of cleanups.toReversed()) await clean()
    })

    test('load tells what there is to know', () => {
      assert.equal(loaded.name, name)
      assert.match(loaded.digest, digest)
      assert.equal(loaded.contextTokens, contextTokens)
      assert.equal(loaded.chatTemplate, true)
      assert.ok(loaded.sizeBytes >= 0)
      assert.match(engine.kind, /^[a-z]+$/)
      assert.deepEqual(pick(engine, 'slots', 'running', 'waiting'), [SLOTS, 0, 0])
    })

    test('it says which parameters it understands', async () => {
      for (const parameter of honours) assert.ok(engine.parameters.has(parameter), parameter)
      for (const parameter of refuses) assert.ok(!engine.parameters.has(parameter), parameter)
      assert.equal(engine.parameters.has('stop'), stops)
    })

    test('an answer streams and ends with its reason, usage and timings', async () => {
      const requests = [long(), chat(prompt)]
      let pieces = 0
      for (const request of requests) {
        const { items, finishReason, usage, timings, ...said } = await answer(engine, request)
        pieces += items.length
        assert.ok(said.text.length > 0)
        assert.ok(finishReason === 'length' || finishReason === 'stop')
        assert.equal(usage.completionTokens, said.tokens)
        assert.ok(usage.promptTokens > 0)
        assert.ok(usage.cachedPromptTokens <= usage.promptTokens)
        for (const ms of Object.values(timings)) assert.ok(ms >= 0)
        for (const item of items) {
          assert.ok(item.tokens === undefined || item.tokenIds.length === 0, 'ids or a number')
          assert.ok(item.text === '' || count(item) > 0, 'text without a token has no place')
        }
      }
      // Where nobody reads for a moment, a whole short answer comes at once.
      assert.ok(pieces > requests.length, 'in pieces')
    })

    test('the same prompt gives the same greedy answer, and another one another', async () => {
      const { text } = await answer(engine, long())
      assert.equal((await answer(engine, long())).text, text)
      assert.notEqual((await answer(engine, direct(`${prompt} 2`, { maxTokens: 24 }))).text, text)
    })

    test('maxTokens ends an answer', async () => {
      const whole = await answer(engine, long())
      for (const maxTokens of [1, 7]) {
        const cut = await answer(engine, long({ maxTokens }))
        assert.deepEqual([cut.finishReason, cut.tokens], ['length', maxTokens])
        assert.ok(whole.text.startsWith(cut.text))
      }
    })

    test('a stop text ends an answer and is not shown', { skip: !stops }, async () => {
      const whole = await answer(engine, long())
      const at = Math.floor(whole.text.length / 2)
      const stop = whole.text.slice(at, at + 7)
      const stopped = await answer(engine, long({ stop: ['@@', stop] }))
      assert.equal(stopped.text, whole.text.slice(0, whole.text.indexOf(stop)))
      assert.equal(stopped.finishReason, 'stop')
      assert.ok(stopped.usage.completionTokens < whole.usage.completionTokens)
    })

    test('a prompt that does not fit is refused before the first item', async () => {
      const items: GenerateItem[] = []
      const tooLong = direct('ab '.repeat(contextTokens * 2))
      await assert.rejects(async () => {
        for await (const item of engine.generate(tooLong, never)) items.push(item)
      }, fails('CONTEXT_TOO_LONG'))
      assert.deepEqual(items, [])
      await idle(engine)
      await answer(engine, direct(prompt, { maxTokens: 2 }))
    })

    test('a full context ends an answer as maxTokens does', async () => {
      // Near the end of the context, whatever a token is here.
      const { usage } = await answer(engine, direct('ab '.repeat(40), { maxTokens: 1 }))
      const repeats = Math.floor(((contextTokens - 20) / usage.promptTokens) * 40)
      const filling = direct('ab '.repeat(repeats), { maxTokens: contextTokens })
      const full = await answer(engine, filling)
      if (full.finishReason === 'stop') return // the model had nothing more to say
      assert.ok(full.usage.promptTokens + full.usage.completionTokens <= contextTokens)
      assert.ok(full.tokens < contextTokens)
    })

    test('more requests than slots wait, and every one gets its own answer', async () => {
      const prompts = Array.from({ length: SLOTS + 3 }, (_, i) => `${prompt} ${i}`)
      const expected: string[] = []
      for (const each of prompts) expected.push((await answer(engine, direct(each))).text)
      const answers = prompts.map((each) => answer(engine, direct(each)))
      await until(() => engine.metrics().running === SLOTS && engine.metrics().waiting > 0)
      const texts = (await Promise.all(answers)).map(({ text }) => text)
      assert.deepEqual(texts, expected)
      await idle(engine)
    })

    test('an abort frees the slot and throws its reason, running or waiting', async () => {
      const aborts = Array.from({ length: SLOTS + 1 }, () => new AbortController())
      const reasons = aborts.map((_, i) => new Error(`changed my mind about ${i}`))
      const longest = long({ maxTokens: contextTokens }) // none shall be over before it is aborted
      const streams = aborts.map(({ signal }) => engine.generate(longest, signal))
      const nexts = streams.map((stream) => stream.next())
      await Promise.all(nexts.slice(0, SLOTS)) // the last one waits for a slot
      const pending = [...streams.slice(0, SLOTS).map((stream) => stream.next()), nexts[SLOTS]!]
      const rejections = pending.map((each, i) =>
        assert.rejects(untilEnd(each, streams[i]!), reasons[i])
      )
      for (const [i, controller] of aborts.entries()) controller.abort(reasons[i])
      await Promise.all(rejections)
      await idle(engine)
      await assert.rejects(answer(engine, long(), AbortSignal.abort(reasons[0])), reasons[0])
      assert.equal((await answer(engine, long({ maxTokens: 3 }))).tokens, 3)
    })

    test('a reader that leaves frees the slot', async () => {
      for (let i = 0; i < SLOTS * 2; i++) {
        for await (const item of engine.generate(long(), never)) if (count(item) > 0) break
      }
      await idle(engine)
    })

    test(`an answer goes on after any of its items, by ${resumes}`, async () => {
      for (const request of [long({ maxTokens: 16 }), chat(prompt, { maxTokens: 16 })]) {
        const whole = await answer(engine, request)
        const cuts = [
          1,
          Math.floor(whole.items.length / 2),
          whole.items.length - 1,
          whole.items.length
        ]
        for (const cut of cuts) {
          const sent = whole.items.slice(0, cut)
          const rest = await answer(engine, { ...request, ...resumed(sent, resumes) })
          assert.equal(sum(sent).text + rest.text, whole.text, `after ${cut} items`)
          assert.equal(rest.finishReason, whole.finishReason)
          assert.equal(rest.usage.completionTokens, whole.usage.completionTokens)
        }
      }
    })

    const calling = (more: Partial<GenerateRequest> = {}) =>
      chat(prompt, { maxTokens: 200, tools: TOOLS, toolChoice: 'required', ...more })

    test('a tool call streams, and is the same every time', { skip: !tools }, async () => {
      const called = await answer(engine, calling())
      assert.equal(called.text, '', 'what is written for a call is no text')
      const calls = callsOf(called.items)
      assert.ok(calls.length > 0)
      const [first] = called.items.flatMap((item) => item.toolCalls ?? [])
      assert.ok(first?.id !== undefined && first.name !== undefined, 'its name comes first')
      assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length)
      if (called.finishReason === 'length') calls.pop() // cut off
      else assert.equal(called.finishReason, 'toolCalls')
      for (const call of calls) {
        assert.ok(TOOLS.some((tool) => tool.name === call.name))
        assert.equal(typeof JSON.parse(call.arguments), 'object')
      }
      assert.equal(called.usage.completionTokens, called.tokens)
      const again = callsOf((await answer(engine, calling())).items)
      assert.deepEqual(again.slice(0, calls.length), calls)
    })

    test(
      'a tool is called by name, once if so asked, and its result is read',
      { skip: !tools },
      async () => {
        const toolChoice = { name: TOOLS[1]!.name }
        const request = calling({ toolChoice, parallelToolCalls: false })
        const called = await answer(engine, request)
        const calls = callsOf(called.items)
        assert.deepEqual([calls.length, calls[0]!.name], [1, toolChoice.name])
        assert.equal(called.finishReason, 'toolCalls')
        const asked = { role: 'assistant', content: '', toolCalls: calls } as const
        const result = { role: 'tool', content: 'a result', toolCallId: calls[0]!.id } as const
        const messages = [{ role: 'user' as const, content: prompt }, asked, result]
        const next = { ...request, input: { mode: 'chat' as const, messages } }
        const grown = (await answer(engine, next)).usage.promptTokens
        assert.ok(grown > called.usage.promptTokens)
      }
    )

    const byIds = tools && resumes === 'ids'
    test('a tool call goes on after any of its items', { skip: !byIds }, async () => {
      const request = calling({ parallelToolCalls: false })
      const whole = await answer(engine, request)
      for (let cut = 1; cut <= whole.items.length; cut += 7) {
        const sent = whole.items.slice(0, cut)
        const rest = await answer(engine, { ...request, ...resumed(sent, resumes) })
        assert.deepEqual(callsOf([...sent, ...rest.items]), callsOf(whole.items), `after ${cut}`)
        assert.equal(rest.finishReason, whole.finishReason)
      }
    })

    // The last one: it takes the engine of the others.
    test('close ends what runs, and nothing begins after it', async () => {
      const streams = Array.from({ length: SLOTS + 1 }, () => engine.generate(long(), never))
      const nexts = streams.map((stream) => stream.next())
      await nexts[0]
      const ends = streams.map((stream, i) => settled(nexts[i]!, stream))
      await engine.close()
      await Promise.all(ends)
      await assert.rejects(answer(engine, long()), fails('SHUTTING_DOWN'))
      await engine.close()
    })
  })
}

const TOOLS: Tool[] = [
  { name: 'look_up', parameters: WORD },
  { name: 'say', description: 'Says it aloud.', parameters: WORD }
]

function callsOf(items: readonly GenerateItem[]): ToolCall[] {
  const calls: ToolCall[] = []
  for (const delta of items.flatMap((item) => item.toolCalls ?? [])) addToCalls(calls, delta)
  return calls
}

/** The rest of a stream: whatever was under way may come before it ends. */
async function untilEnd(
  next: Promise<IteratorResult<GenerateItem, GenerateEnd>>,
  stream: AsyncGenerator<GenerateItem, GenerateEnd>
): Promise<void> {
  while ((await next).done !== true) next = stream.next()
}

/** Ended, or failed because the engine is closed. */
async function settled(
  next: Promise<IteratorResult<GenerateItem, GenerateEnd>>,
  stream: AsyncGenerator<GenerateItem, GenerateEnd>
): Promise<void> {
  try {
    await untilEnd(next, stream)
  } catch (error) {
    fails('SHUTTING_DOWN')(error)
  }
}

const pick = <Key extends keyof ReturnType<Engine['metrics']>>(engine: Engine, ...keys: Key[]) =>
  keys.map((key) => engine.metrics()[key])
