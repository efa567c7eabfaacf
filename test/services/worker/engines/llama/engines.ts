/** Engines on real model files, in real processes, for the tests of this folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execFileSync } from 'node:child_process'
import type {
  Engine,
  GenerateEnd,
  GenerateRequest
} from '../../../../../services/worker/engines/engine.ts'
import {
  createLlamaEngine,
  type LlamaEngine,
  type LlamaEngineEvent,
  type LlamaEngineOptions
} from '../../../../../services/worker/engines/llama/parent/llama-engine.ts'
import {
  writeRandomModel,
  type RandomModelOptions
} from '../../../../../tools/haif-tiny/gguf/random-model.ts'

export const BUILTIN_MODEL = fileURLToPath(
  new URL('../../../../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
)

/** A test, or `{ after }` of node:test for what a whole file uses. */
interface Cleanup {
  after(clean: () => Promise<void>): void
}

export interface RunningEngine {
  engine: LlamaEngine
  events: LlamaEngineEvent[]
  /** Of the process that holds the model now. */
  pid: () => number
}

export async function startEngine(
  t: Cleanup,
  options: Partial<LlamaEngineOptions> = {}
): Promise<RunningEngine> {
  const running = newEngine(t, options)
  await running.engine.load()
  return running
}

/** Closed after the test, loaded or not. */
export function newEngine(t: Cleanup, options: Partial<LlamaEngineOptions> = {}): RunningEngine {
  const events: LlamaEngineEvent[] = []
  const engine = createLlamaEngine({
    modelPath: BUILTIN_MODEL,
    name: 'test',
    gpu: false,
    cores: 1, // beside other tests, threads would mostly wait for each other, spinning
    onEvent: (event) => events.push(event),
    ...options
  })
  t.after(() => engine.close())
  return { engine, events, pid: () => lastPid(events) }
}

function lastPid(events: readonly LlamaEngineEvent[]): number {
  const loading = events.findLast((event) => event.kind === 'loading')
  if (loading?.kind !== 'loading') throw new Error('no process has been started')
  return loading.pid
}

export async function tempDir(t: Cleanup): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'haif-llama-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/**
 * A model of random weights: its answers are noise, with broken UTF-8. With this seed most go on
 * and on.
 */
export async function randomModel(t: Cleanup, options: RandomModelOptions = {}): Promise<string> {
  const file = join(await tempDir(t), 'random.gguf')
  writeRandomModel(file, { seed: ENDLESS_SEED, ...options })
  return file
}

const ENDLESS_SEED = 13

export interface Answer extends GenerateEnd {
  text: string
  tokenIds: number[]
}

export async function answer(
  engine: Engine,
  request: GenerateRequest,
  signal = new AbortController().signal
): Promise<Answer> {
  let text = ''
  const tokenIds: number[] = []
  const stream = engine.generate(request, signal)
  for (;;) {
    const { done, value } = await stream.next()
    if (done) return { text, tokenIds, ...value }
    text += value.text
    tokenIds.push(...value.tokenIds)
  }
}

/** Greedy, so that the same tokens are expected every time. */
export function chat(content: string, more: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    input: { mode: 'chat', messages: [{ role: 'user', content }] },
    maxTokens: 60,
    sampling: { temperature: 0 },
    ...more
  }
}

export function direct(prompt: string, more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { ...chat(''), input: { mode: 'direct', prompt }, ...more }
}

/** Gone, or dead and not yet buried by whoever inherited it. */
export function isGone(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
    return state.trim() === '' || state.startsWith('Z')
  } catch {
    return true // ps exits with 1 when there is no such process
  }
}

export const PARENT_SCRIPT = fileURLToPath(new URL('./parent.ts', import.meta.url))
