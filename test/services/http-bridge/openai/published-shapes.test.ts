/**
 * Every reply and every event against OpenAI's published schema, in the form in which it can be
 * checked: the types of the `openai` package, which are generated from it. What the bridge has
 * written becomes literals of those types, so the compiler finds a missing field, a wrong value and
 * a field too many.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import { END, startBridge, type Bridge, type Infer } from '../bridge.ts'
import { readStream } from './openai-mesh.ts'

const LOGPROB = { tokenId: 1, token: 'é', logprob: -0.5, top: [{ token: '\ufffd', logprob: -1 }] }
const ITEMS: InferenceItem[] = [
  { seq: 0, tokenIds: [1], text: '', reasoning: 'Well, ' },
  { seq: 1, tokenIds: [2], text: '', reasoning: 'so.' },
  { seq: 2, tokenIds: [3], text: 'é', logprobs: [LOGPROB] },
  { seq: 3, tokenIds: [4], text: ' and', logprobs: [LOGPROB] },
  { seq: 4, tokenIds: [5], text: '', toolCalls: [{ index: 0, id: 'call_1', name: 'f' }] },
  { seq: 5, tokenIds: [6], text: '', toolCalls: [{ index: 0, arguments: '{"a":' }] },
  { seq: 6, tokenIds: [7], text: '', toolCalls: [{ index: 0, arguments: '1}' }] },
  {
    seq: 7,
    tokenIds: [8],
    text: '',
    toolCalls: [{ index: 1, id: 'call_2', name: 'g', arguments: '{}' }]
  }
]

/** `items` first, then the end or what is thrown. */
const answers = (items: InferenceItem[], end: InferenceEnd | Error): Infer =>
  async function* () {
    yield* items
    if (end instanceof Error) throw end
    return end
  }

const TOOLS_END: InferenceEnd = { ...END, finishReason: 'toolCalls' }
const LENGTH_END: InferenceEnd = { ...END, finishReason: 'length' }
const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const tool = { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true }
const format = { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true }

test("every reply and every event has OpenAI's published shape", async (t) => {
  const script: { infer: Infer } = { infer: answers(ITEMS, TOOLS_END) }
  const bridge = await startBridge(t, {
    gateways: [(request, context) => script.infer(request, context)]
  })
  const checked: string[] = []
  const check = (type: string, values: unknown[]) => {
    assert.ok(values.length > 0, type)
    checked.push(`export const v${checked.length}: ${type}[] = ${JSON.stringify(values, null, 1)}`)
  }

  check('OpenAI.ChatCompletion', [
    without(await json(bridge, '/v1/chat/completions', { ...chat, logprobs: true, n: 2 }))
  ])
  check(
    'OpenAI.ChatCompletionChunk',
    [
      ...(await events(bridge, '/v1/chat/completions', { ...chat, logprobs: true, n: 2 })),
      ...(await events(bridge, '/v1/chat/completions', {
        ...chat,
        stream_options: { include_usage: true }
      }))
    ].map(without)
  )
  const asked = {
    model: 'm',
    input: 'hi',
    instructions: 'Be brief.',
    include: ['message.output_text.logprobs'],
    top_logprobs: 1,
    metadata: { a: 'b' },
    reasoning: { effort: 'low' },
    text: { format },
    tools: [{ type: 'function', ...tool }],
    tool_choice: { type: 'function', name: 'f' }
  }
  const streamed = await events(bridge, '/v1/responses', asked)
  check('Served', streamed.map(withSdkFields))
  const whole = await json(bridge, '/v1/responses', { ...asked, tool_choice: 'auto' })
  check('OpenAI.Responses.Response', [ofResponse(whole)])

  script.infer = answers(ITEMS.slice(2, 4), LENGTH_END)
  const cut = await events(bridge, '/v1/responses', asked)
  check('Served', cut.map(withSdkFields))
  const texts = { model: 'm', prompt: ['a', 'b'], logprobs: 1, echo: false, n: 2 }
  check('OpenAI.Completion', [await json(bridge, '/v1/completions', texts)])
  const chunks = await events(bridge, '/v1/completions', {
    ...texts,
    stream_options: { include_usage: true }
  })
  check('CompletionChunk', chunks)

  script.infer = answers(ITEMS.slice(0, 3), new HaifError('WORKER_LOST', 'it went away'))
  const failed = await events(bridge, '/v1/responses', asked)
  assert.deepEqual(
    failed.slice(-2).map(({ type }) => type),
    ['error', 'response.failed']
  )
  check('Served', failed.map(withSdkFields))

  const kinds = new Set([...streamed, ...cut, ...failed].map(({ type }) => type))
  assert.equal(kinds.size, 16, [...kinds].join(' ')) // none is missing from the check
  assert.deepEqual(problemsOf(checked.join('\n')), [])
})

test('the check finds what is missing, wrong, and too much', () => {
  const chunk = `{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}`
  const wrong = [
    chunk.replace('"created":1,', ''),
    chunk.replace('chat.completion.chunk', 'chunk'),
    chunk.replace('"choices"', '"extra":1,"choices"'),
    chunk.replace('[]', '[{"index":0,"delta":{"roll":"x"},"finish_reason":null}]')
  ]
  const source = [chunk, ...wrong].map(
    (value, nth) => `export const v${nth}: OpenAI.ChatCompletionChunk = ${value}`
  )
  assert.equal(problemsOf(source.join('\n')).length, wrong.length)
})

type Fields = Record<string, unknown>

async function json(bridge: Bridge, path: string, body: object): Promise<Fields> {
  const response = await post(bridge, path, body)
  assert.equal(response.status, 200)
  return (await response.json()) as Fields
}

async function events(bridge: Bridge, path: string, body: object): Promise<Fields[]> {
  const response = await post(bridge, path, { ...body, stream: true })
  const read = readStream(await response.text()).events.filter(({ data }) => data !== '[DONE]')
  return read.map(({ event, data }) => {
    const fields = JSON.parse(data) as Fields
    assert.equal(event, fields['type'] ?? null)
    return fields
  })
}

const post = (bridge: Bridge, path: string, body: object) =>
  fetch(bridge.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

/**
 * What HAIF adds to OpenAI's form: the thoughts, under the names that other servers have for them.
 */
const without = (value: Fields): Fields =>
  JSON.parse(JSON.stringify(value), (name, inner: unknown) =>
    name === 'reasoning_content' || (name === 'reasoning' && typeof inner === 'string')
      ? undefined
      : inner
  ) as Fields

/**
 * `output_text` is made by the client, the penalties and `store` are in the OpenResponses form of
 * the object, and OpenAI's examples have null where the type has nothing.
 */
function ofResponse(response: Fields): Fields {
  const { presence_penalty: _, frequency_penalty: __, store: ___, user, usage, ...rest } = response
  assert.equal(user, null)
  return { ...rest, ...(usage === null ? {} : { usage }), output_text: '' }
}

const withSdkFields = (event: Fields): Fields =>
  'response' in event ? { ...event, response: ofResponse(event['response'] as Fields) } : event

const FILE = join(import.meta.dirname, 'written-by-the-bridge.ts')
const HEAD = `import type OpenAI from 'openai'
type Served = OpenAI.Responses.ResponseStreamEvent
type OrNull<T, Name extends keyof T> = Omit<T, Name> & { [N in Name]?: T[N] | null }
/** The type is that of a whole completion, where nothing is null any more. */
type CompletionChunk = OrNull<Omit<OpenAI.Completion, 'choices'>, 'usage'> & {
  choices: OrNull<OpenAI.CompletionChoice, 'finish_reason'>[]
}
`

/** The files of the packages, 390, are the same for every source: parsed and bound once. */
const parsed = new Map<string, ts.SourceFile | undefined>()

/** What the compiler says of a source with values of OpenAI's types. */
function problemsOf(source: string): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node']
  }
  const host = ts.createCompilerHost(options)
  const fileExists = host.fileExists.bind(host)
  const read = host.getSourceFile.bind(host)
  const parse: typeof read = (name, version) => {
    if (!parsed.has(name)) parsed.set(name, read(name, version))
    return parsed.get(name)
  }
  host.fileExists = (name) => name === FILE || fileExists(name)
  host.getSourceFile = (name, version) =>
    name === FILE ? ts.createSourceFile(name, HEAD + source, version) : parse(name, version)
  const program = ts.createProgram([FILE], options, host)
  return program
    .getSemanticDiagnostics(program.getSourceFile(FILE))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}
