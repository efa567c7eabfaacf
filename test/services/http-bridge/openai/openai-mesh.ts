/** A whole mesh with a bridge in front of it, for clients that speak OpenAI's API. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import {
  createHttpBridge,
  type HttpBridgeDeps
} from '../../../../services/http-bridge/http-bridge.ts'
import type { SimOptions } from '../../../../services/worker/engines/sim/sim-engine.ts'
import { writeRandomModel } from '../../../../tools/haif-tiny/gguf/random-model.ts'
import { modelSource } from '../../../../services/worker/models/sources/model-uri.ts'
import type { Worker } from '../../../../services/worker/worker.ts'
import { embeddingSource } from '../../../helpers/mesh/embedding-engine.ts'
import { simSource, startMesh, type TestMesh } from '../../../helpers/mesh/mesh.ts'
import { atEnd, type Scope } from '../../../helpers/peers/peers.ts'
import { THOUGHTLESS_TEMPLATE } from '../../../helpers/tool-templates.ts'
import { until } from '../../../helpers/until.ts'

/** The model of random weights: with these its calls are valid and end soon. */
export const TOOL_SAMPLING = { temperature: 1.2, seed: 5 }

export interface OpenAiMesh {
  mesh: TestMesh
  /** Of the bridge, for `baseURL`. */
  v1: string
  url: string
  /** Nothing runs any more on the worker. */
  idle: () => Promise<void>
  running: () => number
  post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>
}

export interface OpenAiSetup {
  /** Answers of `sim` end after 6 tokens unless said otherwise. */
  sim?: Partial<SimOptions>
  /** Also `haif-tiny` and `random`, which has tools. */
  llama?: boolean
  /** More models of random weights, by name, with these chat templates. */
  templates?: Readonly<Record<string, string>>
  /** More models, by the files that this writes into the folder it is given. */
  files?: (folder: string) => readonly string[]
  bridge?: Partial<HttpBridgeDeps>
  aliases?: ReadonlyMap<string, readonly string[]>
}

/**
 * Models: `sim`, `slow` (endless, 50 tokens/s), `vectors` (embeds: the vector says how long the
 * text is).
 */
export async function startOpenAiMesh(t: Scope, setup: OpenAiSetup = {}): Promise<OpenAiMesh> {
  const { aliases, llama = false } = setup
  const mesh = await startMesh(t, {
    workers: [],
    ...(aliases === undefined ? {} : { aliases }),
    ...(llama ? { defaultModel: BUILTIN_NAME } : {})
  })
  const free = { decodeTokensPerSecond: Infinity, prefillTokensPerSecond: Infinity }
  const { worker } = await mesh.addWorker([
    simSource({ ...free, answerTokens: 6, ...setup.sim }),
    simSource({ name: 'slow', decodeTokensPerSecond: 50, prefillTokensPerSecond: Infinity }),
    embeddingSource({ ...free, name: 'vectors', vectorSize: 3 }),
    ...(await fileModels(t, setup))
  ])
  await worker.loaded()
  await mesh.ready()
  const bridge = createHttpBridge({
    join: mesh.joiner('bridge'),
    self: { host: 'test', version: '1.2.3' },
    host: '127.0.0.1',
    port: 0,
    log: silentLogger(),
    metrics: createMetrics(),
    ...setup.bridge
  })
  atEnd(t, () => bridge.stop())
  await bridge.start()
  const { url } = bridge
  const count = worker.models().length
  await until(async () => {
    const response = await fetch(`${url}/v1/models`)
    return response.ok && ((await response.json()) as { data: unknown[] }).data.length === count
  })
  const running = () => requestsOn(worker)
  return {
    mesh,
    url,
    v1: `${url}/v1`,
    running,
    idle: () => until(() => running() === 0),
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body)
      })
  }
}

const requestsOn = (worker: Worker): number =>
  worker.models().reduce((sum, { running, waiting }) => sum + running + waiting, 0)

async function fileModels(t: Scope, { llama = false, templates = {}, files }: OpenAiSetup) {
  if (!llama && files === undefined) return []
  const folder = await mkdtemp(join(tmpdir(), 'haif-openai-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  const uris = [...(llama ? llamaModels(folder, templates) : []), ...(files?.(folder) ?? [])]
  return uris.map((uri) => modelSource(uri, { folder }))
}

function llamaModels(folder: string, templates: Readonly<Record<string, string>>): string[] {
  const file = join(folder, 'random.gguf')
  writeRandomModel(file, {
    seed: 13,
    shape: { contextLength: 2048 },
    chatTemplate: THOUGHTLESS_TEMPLATE
  })
  const others = Object.entries(templates).map(([name, chatTemplate]) => {
    const other = join(folder, `${name}.gguf`)
    writeRandomModel(other, { seed: 13, shape: { contextLength: 4096 }, chatTemplate })
    return other
  })
  return ['builtin', file, ...others]
}

/** Data of the events of a whole stream, with their names; the comments apart. */
export interface ReadStream {
  events: { event: string | null; data: string }[]
  comments: string[]
}

export function readStream(text: string): ReadStream {
  const read: ReadStream = { events: [], comments: [] }
  for (const block of text.split('\n\n').filter((one) => one !== '')) {
    if (block.startsWith(':')) {
      read.comments.push(block.slice(2))
      continue
    }
    const match = /^(?:event: (\S+)\n)?data: (.*)$/.exec(block)
    if (match === null) throw new Error(`not an event: ${block}`)
    read.events.push({ event: match[1] ?? null, data: match[2]! })
  }
  return read
}
