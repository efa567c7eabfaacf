/** The one suite, against every engine that there is. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLlamaEngine } from '../../../../services/worker/engines/llama/parent/llama-engine.ts'
import { discoverUpstream } from '../../../../services/worker/models/sources/upstream-source.ts'
import { SimEngine } from '../../../../services/worker/engines/sim/sim-engine.ts'
import { writeRandomModel } from '../../../../tools/haif-tiny/gguf/random-model.ts'
import {
  startUpstream,
  UPSTREAMS,
  type Cleanup,
  type UpstreamName
} from '../../../helpers/upstreams/start.ts'
import { THOUGHTLESS_TEMPLATE } from '../../../helpers/tool-templates.ts'
import { conformance } from './engine-conformance.ts'

const SHA256 = /^[0-9a-f]{64}$/
const SAMPLING = ['temperature', 'topP', 'topK', 'minP', 'seed']

conformance('sim', {
  make: async () =>
    new SimEngine({
      name: 'sim',
      slots: 2,
      contextTokens: 256,
      prefillTokensPerSecond: Infinity,
      decodeTokensPerSecond: 500
    }),
  name: 'sim',
  digest: new RegExp(`^${createHash('sha256').update('haif/sim/sim').digest('hex')}$`),
  contextTokens: 256,
  resumes: 'ids',
  tools: true,
  stops: false,
  prompt: { text: 'count the waves', tokens: 40 },
  honours: SAMPLING,
  refuses: ['repeatPenalty', 'noSuchParameter']
})

const llama = (modelPath: string, contextTokens: number, driver?: 'library') => async () =>
  createLlamaEngine({
    modelPath,
    name: 'tiny',
    gpu: false,
    cores: 1,
    slots: 2,
    contextTokens,
    driver
  })

conformance('llama with the built-in model', {
  make: llama(
    fileURLToPath(
      new URL('../../../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
    ),
    256
  ),
  name: 'tiny',
  digest: SHA256,
  contextTokens: 256,
  resumes: 'ids',
  tools: false,
  stops: true,
  prompt: { text: 'Once upon a time there was a fox', tokens: 24 },
  honours: [...SAMPLING, 'repeatPenalty', 'frequencyPenalty', 'presencePenalty'],
  refuses: ['noSuchParameter']
})

const folder = mkdtempSync(join(tmpdir(), 'haif-conformance-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const random = join(folder, 'random.gguf')
writeRandomModel(random, { seed: 13 }) // most of its answers have no end

conformance('llama through node-llama-cpp, with random weights', {
  make: llama(random, 256, 'library'),
  name: 'tiny',
  digest: SHA256,
  contextTokens: 256,
  resumes: 'ids',
  tools: false,
  stops: true,
  prompt: { text: 'hello', tokens: 40 },
  honours: SAMPLING,
  refuses: ['noSuchParameter']
})

const tooled = join(folder, 'tools.gguf')
writeRandomModel(tooled, {
  seed: 13,
  chatTemplate: THOUGHTLESS_TEMPLATE,
  shape: { contextLength: 2048 }
})

conformance('llama with random weights and a template for tools', {
  make: llama(tooled, 1024),
  name: 'tiny',
  digest: SHA256,
  contextTokens: 1024,
  resumes: 'ids',
  tools: true,
  stops: true,
  prompt: { text: 'hello', tokens: 40 },
  honours: [...SAMPLING, 'tools', 'toolChoice', 'parallelToolCalls', 'reasoningEffort'],
  refuses: ['noSuchParameter']
})

for (const server of Object.keys(UPSTREAMS) as UpstreamName[]) {
  const make = async (t: Cleanup) => {
    const upstream = await startUpstream(t, server, { contextTokens: 256, slots: 2, tokenMs: 2 })
    const [source] = await discoverUpstream(upstream.url, { slots: 2 })
    return source!.open(() => {})
  }
  conformance(`openai on a server like ${server}`, {
    make,
    name: 'tiny',
    digest: /^upstream:[0-9a-f]{55}$/,
    contextTokens: 256,
    resumes: 'text',
    tools: true,
    stops: true,
    prompt: { text: 'Tell me of the tide', tokens: 40 },
    honours: [...SAMPLING, 'repeatPenalty', 'frequencyPenalty', 'presencePenalty'],
    refuses: ['noSuchParameter']
  })
}
