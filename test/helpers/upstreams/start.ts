/** Servers of both kinds, and engines on them. Everything ends with the test. */
import type { Engine } from '../../../services/worker/engines/engine.ts'
import {
  discoverUpstream,
  type UpstreamOptions
} from '../../../services/worker/models/sources/upstream-source.ts'
import type { FakeUpstream, FakeUpstreamOptions } from './fake-upstream.ts'
import { LlamaServerLike } from './llama-server-like.ts'
import { VllmLike } from './vllm-like.ts'

/** A test, or whatever else ends. */
export interface Cleanup {
  after(clean: () => Promise<void>): void
}

export const UPSTREAMS = {
  vLLM: (options?: FakeUpstreamOptions) => new VllmLike(options),
  'llama-server': (options?: FakeUpstreamOptions) => new LlamaServerLike(options)
}
export type UpstreamName = keyof typeof UPSTREAMS

export async function startUpstream(
  t: Cleanup,
  name: UpstreamName,
  options: FakeUpstreamOptions = {}
): Promise<FakeUpstream> {
  const upstream = UPSTREAMS[name](options)
  await upstream.up()
  t.after(() => upstream.down())
  return upstream
}

/** Short, so that a hang is found within a test; far longer than anything that works takes. */
export const TEST_TIMEOUTS = { connectMs: 2000, firstTokenMs: 1000, idleMs: 500, lookMs: 2000 }

/** The engine of its one model, loaded. */
export async function engineOn(
  t: Cleanup,
  upstream: FakeUpstream,
  options: UpstreamOptions = {}
): Promise<Engine> {
  const [source] = await discoverUpstream(upstream.url, options)
  const engine = await source!.open(() => {})
  t.after(() => engine.close())
  await engine.load()
  return engine
}
