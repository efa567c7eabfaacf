/**
 * Lets requests follow the caches of their prompts' beginnings, and remembers where prompts went.
 */
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { TOKEN_CHARACTERS } from '#shared/inference/prompt-size.ts'
import type { PrefixHints } from './prefix-hints.ts'
import { prefixChain, type PrefixIndex } from './prefix-index.ts'

interface Affinity {
  /** Workers that have seen the beginning of the prompt. */
  affine: readonly string[]
  /** Prompt tokens that a worker probably has in its cache. */
  cachedTokens: (workerKey: string) => number
  /** Called when a worker begins to read the prompt. */
  remember: (workerKey: string) => void
}

/** `scope`: only prompts of the same one share a cache. */
export function affinityOf(
  { prefixes, hints }: { prefixes: PrefixIndex; hints: Pick<PrefixHints, 'gather'> | null },
  model: string,
  input: InferenceInput,
  scope = ''
): Affinity {
  const chain = prefixChain(`${scope}${model}`, input)
  const seen = prefixes.lookup(chain)
  return {
    affine: [...seen.keys()],
    cachedTokens: (key) => Math.floor((seen.get(key) ?? 0) / TOKEN_CHARACTERS),
    remember: (key) => {
      const known = prefixes.remember(chain, key) // also where no hints are shared
      hints?.gather(chain, known, key)
    }
  }
}

export const NO_AFFINITY: Affinity = { affine: [], cachedTokens: () => 0, remember: () => {} }
