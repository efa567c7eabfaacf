/** An engine that says what the test wants it to say. */
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  GenerateEnd,
  GenerateItem,
  GenerateRequest
} from '../../../services/worker/engines/engine.ts'
import { SimEngine, type SimOptions } from '../../../services/worker/engines/sim/sim-engine.ts'
import { promptText } from '../../../services/worker/engines/sim/sim-text.ts'
import type { ModelSource } from '../../../services/worker/models/sources/model-source.ts'

/** So that the longest answer of a test has fewer tokens than a page asks for. */
const CHARACTERS_PER_TOKEN = 8

interface ScriptedOptions extends Partial<SimOptions> {
  /** The answer to a prompt, in which every message is a line `role: text`. */
  says: (prompt: string) => string
  /** Between two tokens. */
  tokenMs?: number
}

class ScriptedEngine extends SimEngine {
  readonly #options: ScriptedOptions

  constructor(options: ScriptedOptions) {
    super(options)
    this.#options = options
  }

  override async *generate(
    { input }: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd, void> {
    const { says, tokenMs = 0 } = this.#options
    const text = says(promptText(input))
    let tokens = 0
    for (let at = 0; at < text.length; at += CHARACTERS_PER_TOKEN) {
      if (tokenMs > 0) await sleep(tokenMs, undefined, { signal })
      signal.throwIfAborted()
      yield { tokenIds: [tokens++], text: text.slice(at, at + CHARACTERS_PER_TOKEN) }
    }
    return {
      finishReason: 'stop',
      usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: tokens },
      timings: { queueMs: 0, prefillMs: 0, decodeMs: tokens * tokenMs }
    }
  }
}

export function scriptedSource(options: ScriptedOptions): ModelSource {
  const { name = 'sim' } = options
  return { name, engine: 'sim', open: async () => new ScriptedEngine(options) }
}
